// What libtorch has and its binding lacks; `libtorch.rs` is the other side.

#include <ATen/Context.h>

// Whether convolutions of f32 may be made in TF32.
extern "C" void fixmatch_allow_tf32(bool is_allowed) {
  auto precision = is_allowed ? at::Float32Precision::TF32 : at::Float32Precision::IEEE;
  at::globalContext().setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::CONV, precision);
}
