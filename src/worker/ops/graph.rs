//! Operations of our own in libtorch's graph, which its binding cannot add: what they compute and its gradient are
//! Rust, `graph.cpp` is the node between them.

use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use tch::Tensor;

use crate::failure::{said_by, sentence};
use crate::libtorch::check;

/// The gradients of an operation's inputs, given that of its output. Called once.
type Gradient = Box<dyn FnOnce(&Tensor) -> Vec<Tensor>>;

unsafe extern "C" {
    fn fixmatch_set_gradient(
        output: *mut c_void,
        inputs: *const *const c_void,
        n_inputs: usize,
        closure: *mut c_void,
        call: extern "C" fn(*mut c_void, *const c_void, *mut c_void, usize) -> *mut c_char,
        drop: extern "C" fn(*mut c_void),
    ) -> *mut c_char;
    fn fixmatch_put_tensor(from: *const c_void, into: *mut c_void, place: usize);
    fn fixmatch_builds_graphs() -> bool;
}

/// Whether the result of an operation on these inputs will be asked for their gradients.
pub fn wants_gradient(inputs: &[&Tensor]) -> bool {
    // SAFETY: asks for a setting of this thread.
    inputs.iter().any(|input| input.requires_grad()) && unsafe { fixmatch_builds_graphs() }
}

/// Makes a tensor, computed without a graph, the result of an operation on some inputs, of which some want a gradient.
/// What the gradient needs of the inputs belongs to the closure, which is gone once it was called.
///
/// # Panics
///
/// If libtorch has no memory left.
pub fn with_gradient(
    mut output: Tensor,
    inputs: &[&Tensor],
    gradient: impl FnOnce(&Tensor) -> Vec<Tensor> + 'static,
) -> Tensor {
    let inputs: Vec<*const c_void> = inputs.iter().map(|input| input.as_ptr().cast()).collect();
    let closure: Box<Option<Gradient>> = Box::new(Some(Box::new(gradient)));
    // SAFETY: `output` and `inputs` are tensors for as long as the call takes; the closure is a Box that `forget` takes
    // back, exactly once.
    let error = unsafe {
        let closure = Box::into_raw(closure).cast();
        let output = output.as_mut_ptr().cast();
        fixmatch_set_gradient(output, inputs.as_ptr(), inputs.len(), closure, call, forget)
    };
    check(error).expect("an operation becomes part of a graph");
    output
}

extern "C" fn call(
    closure: *mut c_void,
    of_output: *const c_void,
    of_inputs: *mut c_void,
    n_inputs: usize,
) -> *mut c_char {
    let computed = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the closure is the one given to `with_gradient`, and nothing else looks at it meanwhile.
        let closure = unsafe { &mut *closure.cast::<Option<Gradient>>() };
        let gradient = closure.take().expect("the graph is gone after one backward pass");
        // SAFETY: a tensor; the clone is ours.
        let of_output = unsafe { Tensor::clone_from_ptr(of_output.cast_mut().cast()) };
        let gradients = tch::no_grad(|| gradient(&of_output));
        assert_eq!(gradients.len(), n_inputs);
        for (place, gradient) in gradients.iter().enumerate() {
            // SAFETY: `of_inputs` has room for `n_inputs` tensors.
            unsafe { fixmatch_put_tensor(gradient.as_ptr().cast(), of_inputs, place) };
        }
    }));
    let Err(panic) = computed else { return ptr::null_mut() };
    let text = CString::new(sentence(said_by(&*panic))).unwrap_or_default();
    // SAFETY: a string that ends in zero, of which libtorch's side frees the copy.
    unsafe { libc::strdup(text.as_ptr()) }
}

extern "C" fn forget(closure: *mut c_void) {
    // SAFETY: made by `Box::into_raw`, and this is called once.
    drop(unsafe { Box::from_raw(closure.cast::<Option<Gradient>>()) });
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tch::Kind;

    use super::*;

    /// x ↦ x², with a gradient that is three times what it should be.
    fn square(xs: &Tensor, owned: &Rc<()>) -> Tensor {
        let (saved, owned) = (xs.detach(), owned.clone());
        with_gradient(saved.square(), &[xs], move |gradient| {
            drop(owned);
            vec![gradient * saved * 6.0]
        })
    }

    #[test]
    fn a_gradient_is_what_the_closure_says_and_its_memory_is_given_back() {
        let owned = Rc::new(());
        let xs = Tensor::from_slice(&[1.0_f32, -2.0]).set_requires_grad(true);
        let ys = square(&xs, &owned);
        assert!(ys.requires_grad());
        assert_eq!(Rc::strong_count(&owned), 2);
        let gradients = Tensor::run_backward(&[(&ys * 2.0).sum(Kind::Float)], &[&xs], false, false);
        assert_eq!(Vec::<f32>::try_from(&gradients[0]).expect("a vector"), [12.0, -24.0]);
        assert_eq!(Rc::strong_count(&owned), 1, "given back when it was called, while the graph is still there");
        drop(square(&xs, &owned));
        assert_eq!(Rc::strong_count(&owned), 1, "given back with a graph that was never used");
        assert!(!tch::no_grad(|| square(&xs, &owned)).requires_grad());
    }

    #[test]
    fn a_gradient_that_panics_is_an_error_of_the_backward_pass() {
        let xs = Tensor::from_slice(&[1.0_f32]).set_requires_grad(true);
        let ys = with_gradient(xs.detach() * 1.0, &[&xs], |_| panic!("on purpose"));
        let error = ys.f_backward().expect_err("an error").to_string();
        assert!(error.contains("on purpose"), "{error}");
    }
}
