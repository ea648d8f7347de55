// What libtorch has and its binding lacks; `libtorch.rs` is the other side.

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include "attempt.h"

// Whether convolutions of f32 may be made in TF32.
extern "C" void fixmatch_allow_tf32(bool is_allowed) {
  auto precision = is_allowed ? at::Float32Precision::TF32 : at::Float32Precision::IEEE;
  at::globalContext().setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::CONV, precision);
}

// Whether cuDNN may only use algorithms that give the same bits each time.
extern "C" void fixmatch_be_deterministic(bool is_wanted) {
  at::globalContext().setDeterministicCuDNN(is_wanted);
}

// The version of the libtorch that runs, which need not be the one that this was compiled for, such as "2.13.0"; to be freed.
extern "C" char *fixmatch_libtorch_version(char **version) {
  return attempt([&] {
    const std::string config = at::show_config(), key = "TORCH_VERSION=";
    const auto place = config.find(key);
    if (place == std::string::npos) throw std::runtime_error("libtorch does not tell its version");
    const auto begin = place + key.size();
    *version = strdup(config.substr(begin, config.find_first_of(", \n", begin) - begin).c_str());
  });
}

// A copy in pinned memory.
extern "C" char *fixmatch_pin(const at::Tensor *tensor, at::Tensor **pinned) {
  return attempt([&] { *pinned = new at::Tensor(tensor->pin_memory()); });
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

// Begins to note what this thread asks for and what the GPU does, for a trace.
extern "C" char *fixmatch_begin_trace() {
  return attempt([] {
    using namespace torch::profiler::impl;
    const std::set<ActivityType> activities = {ActivityType::CPU, ActivityType::CUDA};
    const ProfilerConfig config(ProfilerState::KINETO);
    torch::autograd::profiler::prepareProfiler(config, activities);
    const std::unordered_set<at::RecordScope> scopes = {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION};
    torch::autograd::profiler::enableProfiler(config, activities, scopes);
  });
}

// Writes what was noted since, as JSON of Chrome's trace viewer.
extern "C" char *fixmatch_end_trace(const char *path) {
  return attempt([&] { torch::autograd::profiler::disableProfiler()->save(path); });
}
