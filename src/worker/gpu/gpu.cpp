// Streams and CUDA graphs, which libtorch's binding lacks; `gpu.rs` and `graphs.rs` are the other side.
//
// `at::cuda::CUDAGraph` is in libtorch's CUDA part, which is opened at run time, and its header needs CUDA's own. So its functions
// are looked for by the names that the compiler gave them, and its objects get more room than they have been seen to take.

#include <ATen/core/Tensor.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <utility>

#include "../attempt.h"

namespace {

using Pool = std::pair<unsigned long long, unsigned long long>;

constexpr size_t ROOM = 16384;

struct Functions {
  void (*make)(void *graph, bool keeps_graph);
  void (*begin)(void *graph, Pool pool, int mode);
  void (*end)(void *graph);
  void (*replay)(void *graph);
  Pool (*pool)(void *graph);
  void (*drop)(void *graph);
};

template <class F>
void find(F &function, const char *name) {
  void *found = dlsym(RTLD_DEFAULT, name);
  if (!found) throw std::runtime_error(std::string("this libtorch has no ") + name);
  std::memcpy(&function, &found, sizeof found);
}

const Functions &functions() {
  static const Functions found = [] {
    Functions all;
    find(all.make, "_ZN2at4cuda9CUDAGraphC1Eb");
    find(all.begin, "_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode");
    find(all.end, "_ZN2at4cuda9CUDAGraph11capture_endEv");
    find(all.replay, "_ZN2at4cuda9CUDAGraph6replayEv");
    find(all.pool, "_ZN2at4cuda9CUDAGraph4poolEv");
    find(all.drop, "_ZN2at4cuda9CUDAGraphD1Ev");
    return all;
  }();
  return found;
}

}  // namespace

// From now on this thread asks the GPU for everything on a stream of its own: the default one cannot be recorded.
extern "C" char *fixmatch_own_stream(int device) {
  return attempt([&] {
    const c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
    const c10::Device gpu(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(device));
    guard.setDevice(gpu);  // a stream of another device than the current one would not be found again
    guard.exchangeStream(guard.getStreamFromGlobalPool(gpu));
  });
}

// The driver's handle of the stream that this thread uses.
extern "C" char *fixmatch_stream(void **stream) {
  return attempt([&] {
    const c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
    *stream = guard.getStream(guard.getDevice()).native_handle();
  });
}

// Gives what libtorch keeps of the GPU's memory, and nothing uses, back to the driver.
extern "C" char *fixmatch_give_back_gpu() {
  return attempt([] { at::getDeviceAllocator(at::kCUDA)->emptyCache(); });
}

// Begins to record what this thread asks for, instead of doing it. The graph's memory is that of `sharing`, which may be null.
extern "C" char *fixmatch_begin_graph(void **graph, void *sharing) {
  return attempt([&] {
    const auto &all = functions();
    const Pool pool = sharing ? all.pool(sharing) : Pool(0, 0);
    void *made = std::aligned_alloc(64, ROOM);
    if (!made) throw std::bad_alloc();
    all.make(made, false);
    *graph = made;
    all.begin(made, pool, 0);
  });
}

extern "C" char *fixmatch_end_graph(void *graph) {
  return attempt([&] { functions().end(graph); });
}

// Has all that was recorded done.
extern "C" char *fixmatch_replay_graph(void *graph) {
  return attempt([&] { functions().replay(graph); });
}

extern "C" void fixmatch_drop_graph(void *graph) {
  std::free(attempt([&] { functions().drop(graph); }));
  std::free(graph);
}
