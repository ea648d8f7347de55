// Operations whose gradient is a Rust closure; `graph.rs` is the other side.

#include <torch/csrc/autograd/custom_function.h>

#include "../attempt.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Writes the gradients of `n_inputs` inputs, given that of the output. Returns null, or what went wrong, to be freed.
using Call = char *(*)(void *closure, const at::Tensor *of_output, at::Tensor *of_inputs, size_t n_inputs);
using Drop = void (*)(void *closure);

struct Gradient : torch::CustomClassHolder {
  void *closure;
  Call call;
  Drop drop;
  size_t n_inputs;

  Gradient(void *closure, Call call, Drop drop, size_t n_inputs)
      : closure(closure), call(call), drop(drop), n_inputs(n_inputs) {}
  ~Gradient() override { drop(closure); }
};

struct Operation : torch::autograd::Function<Operation> {
  static at::Tensor forward(AutogradContext *context, at::TensorList, const at::Tensor *output,
                            c10::intrusive_ptr<Gradient> gradient) {
    context->saved_data["gradient"] = c10::IValue::make_capsule(std::move(gradient));
    return *output;
  }

  static variable_list backward(AutogradContext *context, variable_list of_outputs) {
    auto capsule = context->saved_data["gradient"].toCapsule();
    auto *gradient = static_cast<Gradient *>(capsule.get());
    variable_list of_inputs(gradient->n_inputs);
    if (char *error = gradient->call(gradient->closure, &of_outputs[0], of_inputs.data(), of_inputs.size())) {
      const std::string text = error;
      std::free(error);
      throw std::runtime_error(text);
    }
    of_inputs.resize(gradient->n_inputs + 2);  // two arguments of `forward` are no tensors of the graph
    return of_inputs;
  }
};

}  // namespace

// Makes `*output` the result of an operation on some inputs. Returns null, or what went wrong, to be freed.
extern "C" char *fixmatch_set_gradient(at::Tensor *output, const at::Tensor *const *inputs, size_t n_inputs,
                                       void *closure, Call call, Drop drop) {
  return attempt([&] {
    auto gradient = c10::make_intrusive<Gradient>(closure, call, drop, n_inputs);
    std::vector<at::Tensor> tensors;
    for (size_t i = 0; i < n_inputs; ++i) tensors.push_back(*inputs[i]);
    const at::Tensor *computed = output;
    *output = Operation::apply(at::TensorList(tensors), computed, std::move(gradient));
  });
}

extern "C" bool fixmatch_builds_graphs() { return at::GradMode::is_enabled(); }

extern "C" void fixmatch_put_tensor(const at::Tensor *from, at::Tensor *into, size_t place) { into[place] = *from; }
