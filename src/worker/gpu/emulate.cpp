// The kernels on a CPU, for tests: a thread of the system for each thread of a block, one block after the other.

#include <cmath>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__
#define __align__(n) alignas(n)

namespace {

struct Index {
  unsigned x;
};

// Lets threads go on once all of them are here.
class Barrier {
 public:
  void wait(unsigned all) {
    std::unique_lock<std::mutex> lock(mutex);
    const auto mine = round;
    if (++here == all) {
      here = 0;
      ++round;
      everybody.notify_all();
    } else {
      everybody.wait(lock, [&] { return round != mine; });
    }
  }

 private:
  std::mutex mutex;
  std::condition_variable everybody;
  unsigned here = 0;
  unsigned long round = 0;
} barrier;

thread_local Index threadIdx;
Index blockIdx, blockDim, gridDim;
double of_lanes[32];

void __syncthreads() { barrier.wait(blockDim.x); }

// Kernels ask for it with one warp a block.
double __shfl_xor_sync(unsigned, double value, int lanes) {
  of_lanes[threadIdx.x] = value;
  __syncthreads();
  const double other = of_lanes[threadIdx.x ^ lanes];
  __syncthreads();
  return other;
}

float __uint_as_float(unsigned bits) {
  float number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

unsigned __float_as_uint(float number) {
  unsigned bits;
  std::memcpy(&bits, &number, sizeof bits);
  return bits;
}

}  // namespace

float shared[48 << 10];

#include "kernels.cu"

namespace {

template <class... A, size_t... I>
void call(void (*kernel)(A...), void **arguments, std::index_sequence<I...>) {
  kernel(*static_cast<std::remove_cv_t<A> *>(arguments[I])...);
}

template <class... A>
void launch(void (*kernel)(A...), unsigned blocks, unsigned threads, void **arguments) {
  gridDim.x = blocks;
  blockDim.x = threads;
  for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
    std::vector<std::thread> all;
    for (unsigned x = 0; x < threads; ++x)
      all.emplace_back([=] {
        threadIdx.x = x;
        call(kernel, arguments, std::index_sequence_for<A...>());
      });
    for (auto &thread : all) thread.join();
  }
}

}  // namespace

// Has a kernel done; false if there is none of that name.
extern "C" bool emulate(const char *name, unsigned blocks, unsigned threads, void **arguments) {
  static std::mutex one_at_a_time;
  const std::lock_guard<std::mutex> lock(one_at_a_time);
  const std::string wanted = name;
#define TRY(kernel) \
  if (wanted == #kernel) return launch(kernel, blocks, threads, arguments), true;
  TRY(sum_up)
  TRY(normalise)
  TRY(settle)
  TRY(apply)
  TRY(sum_up_gradients)
  TRY(finish_gradients)
  TRY(apply_gradients)
  TRY(add_up)
  TRY(sum_rows)
  TRY(finish_sum)
  return false;
}
