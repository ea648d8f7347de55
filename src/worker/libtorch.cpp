// What libtorch has and its binding lacks; `libtorch.rs` is the other side.

#include <ATen/Context.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/record_function.h>

// Whether convolutions of f32 may be made in TF32.
extern "C" void fixmatch_allow_tf32(bool is_allowed) {
  auto precision = is_allowed ? at::Float32Precision::TF32 : at::Float32Precision::IEEE;
  at::globalContext().setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::CONV, precision);
}

// How often memory was pinned because there was none to hand out again.
extern "C" uint64_t fixmatch_pinned_allocations() {
  auto *allocator = at::getHostAllocator(at::kCUDA);
  return allocator ? allocator->get_stats().num_host_alloc : 0;
}

namespace {

thread_local void (*see)(const char *name);
thread_local at::CallbackHandle watch = at::INVALID_CALLBACK_HANDLE;

std::unique_ptr<at::ObserverContext> pass_on(const at::RecordFunction &operation) {
  see(operation.name());
  return nullptr;
}

}  // namespace

// Names each operation that this thread asks for from now on, or with null, no more.
extern "C" void fixmatch_watch(void (*begin)(const char *name)) {
  if (watch != at::INVALID_CALLBACK_HANDLE) at::removeCallback(watch);
  watch = at::INVALID_CALLBACK_HANDLE;
  see = begin;
  if (begin) {
    auto callback = at::RecordFunctionCallback(pass_on).scopes({at::RecordScope::FUNCTION});
    watch = at::addThreadLocalCallback(std::move(callback));
  }
}
