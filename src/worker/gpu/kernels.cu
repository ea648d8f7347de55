// Operations that a GPU does better in one kernel than in libtorch's pieces, compiled where they run (`kernels.rs`), once for each type.
//
// Images lie by pixel: N·H·W rows of C channels. A thread takes 16 bytes of a row, V channels side by side, and every so many rows. Sums
// are partial ones of each block, added up in a fixed order by a kernel after it: the same bits each time.

#ifdef BF16
typedef unsigned short T;
#define V 8
__device__ float wide(T x) { return __uint_as_float((unsigned)x << 16); }
__device__ T narrow(float x) {
  unsigned bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;  // not a number
  return (T)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);  // to the nearest, ties to even
}
#else
typedef float T;
#define V 4
__device__ float wide(T x) { return x; }
__device__ T narrow(float x) { return x; }
#endif

struct __align__(16) Vector {
  T at[V];
};

// Where a thread begins: which V channels, and which row; and how far its rows are apart.
struct Place {
  int channel;
  long row, step;
  __device__ Place(int channels) {
    int columns = channels / V, height = blockDim.x / columns;
    channel = threadIdx.x % columns * V;
    row = (long)blockIdx.x * height + threadIdx.x / columns;
    step = (long)gridDim.x * height;
  }
};

__device__ void load(const T *from, float (&into)[V]) {
  Vector vector = *(const Vector *)from;
#pragma unroll
  for (int i = 0; i < V; ++i) into[i] = wide(vector.at[i]);
}

__device__ void constants(const float *from, int channel, float (&into)[V]) {
#pragma unroll
  for (int i = 0; i < V; ++i) into[i] = from[channel + i];
}

__device__ void store(const float (&from)[V], T *into) {
  Vector vector;
#pragma unroll
  for (int i = 0; i < V; ++i) vector.at[i] = narrow(from[i]);
  *(Vector *)into = vector;
}

// Adds up two sums of each channel over a block's threads: partial is (2, C, blocks).
__device__ void hand_in(const float (&first)[V], const float (&second)[V], int channels, float *partial) {
  extern __shared__ float shared[];
  int columns = channels / V, height = blockDim.x / columns, row = threadIdx.x / columns;
  int channel = threadIdx.x % columns * V;
  for (int which = 0; which < 2; ++which) {
#pragma unroll
    for (int i = 0; i < V; ++i) shared[row * channels + channel + i] = which ? second[i] : first[i];
    __syncthreads();
    for (int c = threadIdx.x; c < channels; c += blockDim.x) {
      float sum = 0;
      for (int r = 0; r < height; ++r) sum += shared[r * channels + c];
      partial[((long)which * channels + c) * gridDim.x + blockIdx.x] = sum;
    }
    __syncthreads();
  }
}

// The sum of one channel over all blocks, in every lane of a warp.
__device__ double total(const float *partial, int blocks) {
  double sum = 0;
  for (int block = threadIdx.x; block < blocks; block += 32) sum += partial[block];
  for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
  return sum;
}

__device__ float leaky(float x, float slope) { return x > 0 ? x : slope * x; }

// The gradient of its argument, given that of its result.
__device__ float before_leaky(float x, float of_result, float slope) { return x > 0 ? of_result : slope * of_result; }

// Σ (x − k) and Σ (x − k)², where k is the first row.
extern "C" __global__ void sum_up(const T *__restrict__ xs, long rows, int channels, float *partial) {
  Place at(channels);
  float k[V], sum[V] = {}, squares[V] = {};
  load(xs + at.channel, k);
#pragma unroll 4
  for (long row = at.row; row < rows; row += at.step) {
    float x[V];
    load(xs + row * channels + at.channel, x);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      float d = x[i] - k[i];
      sum[i] += d;
      squares[i] += d * d;
    }
  }
  hand_in(sum, squares, channels, partial);
}

// A warp a channel. Makes (4, C) numbers: scale and shift of y = scale·x + shift, the mean and 1/√(σ² + ε). Moves the running
// statistics, to whose mean `before` is added: the bias of the convolution that x comes from, which was left out. Both may be null.
extern "C" __global__ void normalise(const float *partial, int blocks, const T *xs, long rows, int channels, const float *weight,
                                     const float *bias, float eps, float *numbers, const float *before, float *running_mean,
                                     float *running_variance, float momentum) {
  int c = blockIdx.x;
  double sum = total(partial + (long)c * blocks, blocks), squares = total(partial + (long)(channels + c) * blocks, blocks);
  if (threadIdx.x) return;
  double offset = sum / rows, mean = wide(xs[c]) + offset, variance = squares / rows - offset * offset;
  if (variance < 0) variance = 0;
  double inverse = 1 / sqrt(variance + (double)eps), scale = weight[c] * inverse;
  numbers[c] = scale;
  numbers[channels + c] = bias[c] - mean * scale;
  numbers[2 * channels + c] = mean;
  numbers[3 * channels + c] = inverse;
  if (!running_mean) return;
  double whole = mean + (before ? before[c] : 0), unbiased = variance * rows / (rows - 1);
  running_mean[c] += momentum * (whole - running_mean[c]);
  running_variance[c] += momentum * (unbiased - running_variance[c]);
}

// The same numbers by running statistics, without the last two: a thread a channel.
extern "C" __global__ void settle(int channels, const float *weight, const float *bias, float eps, float *numbers, const float *before,
                                  const float *mean, const float *variance) {
  int c = blockIdx.x * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  double scale = weight[c] / sqrt((double)variance[c] + (double)eps);
  numbers[c] = scale;
  numbers[channels + c] = bias[c] - (mean[c] - (before ? (double)before[c] : 0.0)) * scale;
}

// y = leaky(scale·x + shift).
extern "C" __global__ void apply(const T *__restrict__ xs, long rows, int channels, const float *numbers, float slope, T *__restrict__ ys) {
  Place at(channels);
  float scale[V], shift[V];
  constants(numbers, at.channel, scale);
  constants(numbers + channels, at.channel, shift);
#pragma unroll 4
  for (long row = at.row; row < rows; row += at.step) {
    float x[V];
    load(xs + row * channels + at.channel, x);
#pragma unroll
    for (int i = 0; i < V; ++i) x[i] = leaky(scale[i] * x[i] + shift[i], slope);
    store(x, ys + row * channels + at.channel);
  }
}

// Σ g and Σ g·(x − μ), where g is the gradient before the leaky ReLU.
extern "C" __global__ void sum_up_gradients(const T *__restrict__ xs, const T *__restrict__ of_ys, long rows, int channels,
                                            const float *numbers, float slope, float *partial) {
  Place at(channels);
  float scale[V], shift[V], mean[V], sum[V] = {}, products[V] = {};
  constants(numbers, at.channel, scale);
  constants(numbers + channels, at.channel, shift);
  constants(numbers + 2 * channels, at.channel, mean);
#pragma unroll 2
  for (long row = at.row; row < rows; row += at.step) {
    float x[V], g[V];
    load(xs + row * channels + at.channel, x);
    load(of_ys + row * channels + at.channel, g);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      float of_z = before_leaky(scale[i] * x[i] + shift[i], g[i], slope);
      sum[i] += of_z;
      products[i] += of_z * (x[i] - mean[i]);
    }
  }
  hand_in(sum, products, channels, partial);
}

// A warp a channel. Makes (4, C) numbers: the gradients of bias and weight, and what those of x need: the mean of g, and that of
// g·(x − μ)/(σ² + ε).
extern "C" __global__ void finish_gradients(const float *partial, int blocks, long rows, int channels, const float *numbers,
                                            float *gradients) {
  int c = blockIdx.x;
  double sum = total(partial + (long)c * blocks, blocks), products = total(partial + (long)(channels + c) * blocks, blocks);
  if (threadIdx.x) return;
  double inverse = numbers[3 * channels + c];
  gradients[c] = sum;
  gradients[channels + c] = products * inverse;
  gradients[2 * channels + c] = sum / rows;
  gradients[3 * channels + c] = products * inverse * inverse / rows;
}

// Gradients of x: scale·(g − mean of g − (x − μ)·mean of g·(x − μ)/(σ² + ε)).
extern "C" __global__ void apply_gradients(const T *__restrict__ xs, const T *__restrict__ of_ys, long rows, int channels,
                                           const float *numbers, const float *gradients, float slope, T *__restrict__ of_xs) {
  Place at(channels);
  float scale[V], shift[V], mean[V], level[V], slant[V];
  constants(numbers, at.channel, scale);
  constants(numbers + channels, at.channel, shift);
  constants(numbers + 2 * channels, at.channel, mean);
  constants(gradients + 2 * channels, at.channel, level);
  constants(gradients + 3 * channels, at.channel, slant);
#pragma unroll 2
  for (long row = at.row; row < rows; row += at.step) {
    float x[V], g[V];
    load(xs + row * channels + at.channel, x);
    load(of_ys + row * channels + at.channel, g);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      float of_z = before_leaky(scale[i] * x[i] + shift[i], g[i], slope);
      x[i] = scale[i] * (of_z - level[i] - (x[i] - mean[i]) * slant[i]);
    }
    store(x, of_xs + row * channels + at.channel);
  }
}

// x + y + the channel's bias.
extern "C" __global__ void add_up(const T *__restrict__ xs, const T *__restrict__ ys, long rows, int channels, const float *bias,
                                  T *__restrict__ sums) {
  Place at(channels);
  float b[V];
  constants(bias, at.channel, b);
#pragma unroll 2
  for (long row = at.row; row < rows; row += at.step) {
    float x[V], y[V];
    load(xs + row * channels + at.channel, x);
    load(ys + row * channels + at.channel, y);
#pragma unroll
    for (int i = 0; i < V; ++i) x[i] += y[i] + b[i];
    store(x, sums + row * channels + at.channel);
  }
}

// A warp a channel: the first of the two sums.
extern "C" __global__ void finish_sum(const float *partial, int blocks, float *sums) {
  double sum = total(partial + (long)blockIdx.x * blocks, blocks);
  if (!threadIdx.x) sums[blockIdx.x] = sum;
}

// Σ x, and nothing.
extern "C" __global__ void sum_rows(const T *__restrict__ xs, long rows, int channels, float *partial) {
  Place at(channels);
  float sum[V] = {}, nothing[V] = {};
#pragma unroll 4
  for (long row = at.row; row < rows; row += at.step) {
    float x[V];
    load(xs + row * channels + at.channel, x);
#pragma unroll
    for (int i = 0; i < V; ++i) sum[i] += x[i];
  }
  hand_in(sum, nothing, channels, partial);
}
