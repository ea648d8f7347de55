//! The passes of a step through the network, and how a GPU is asked for them: one operation after the other, or all in one go.
//!
//! What is recorded as CUDA graphs is the network, forward and backward, and the update. Between the two, pseudo-labels are judged and
//! the loss is made of logits, which are few: that is asked for as ever.

use anyhow::Result;
use fixmatch::base::output::note;
use fixmatch::config::Forward;
use fixmatch::loader::Batch;
use tch::{Cuda, Device, Kind, Tensor};

use crate::gpu::{self, Graph};
use crate::input::Input;
use crate::model::Mode;

/// Which views of a batch pass through the network, as bytes.
#[derive(Debug)]
pub struct Views<'a> {
    /// With a gradient, in this order.
    pub trained: Vec<&'a [u8]>,
    /// Before them, in a pass of their own without gradient.
    pub guessed: Option<&'a [u8]>,
}

impl<'a> Views<'a> {
    /// The labeled views first, then the strong ones, and last the weak ones where all go in one pass.
    pub fn of(batch: &'a Batch, forward: Forward, is_contrastive: bool) -> Self {
        let Batch { labeled, weak, strong, .. } = batch;
        match forward {
            _ if is_contrastive => Self { trained: vec![weak, strong], guessed: None },
            _ if batch.hidden_labels.is_empty() => Self { trained: vec![labeled], guessed: None },
            Forward::Joint => Self { trained: vec![labeled, strong, weak], guessed: None },
            Forward::Split => Self { trained: vec![labeled, strong], guessed: Some(weak) },
        }
    }

    /// Bytes of each pass.
    fn sizes(&self) -> [usize; 2] {
        [self.trained.iter().map(|part| part.len()).sum(), self.guessed.map_or(0, <[u8]>::len)]
    }
}

/// What the network says of them: (N, classes) f32 each.
#[derive(Debug)]
pub struct Logits {
    pub trained: Tensor,
    pub guessed: Option<Tensor>,
}

impl Logits {
    /// Has views, given as the images of each pass, go through a network.
    pub fn of<T>(trained: T, guessed: Option<T>, network: impl Fn(T, Mode) -> Tensor) -> Self {
        let guessed = guessed.map(|views| tch::no_grad(|| network(views, Mode::Batch)));
        Self { trained: network(trained, Mode::Train), guessed }
    }
}

/// Steps that are taken one operation after the other before they are recorded: in these libraries choose their ways.
const WARM_UP: u32 = 3;

/// Records the passes of steps that are like those before them.
#[derive(Debug)]
pub struct Recorder {
    is_wanted: bool,
    /// The sizes of the last step, and how many steps had them.
    seen: ([usize; 2], u32),
    passes: Option<Passes>,
}

impl Recorder {
    /// One that records on a GPU, if that is wanted.
    pub fn new(is_wanted: bool, device: Device) -> Self {
        Self { is_wanted: is_wanted && device.is_cuda(), seen: ([0; 2], 0), passes: None }
    }

    /// Forgets what was recorded, since the network is another one.
    pub fn forget(&mut self) {
        (self.passes, self.seen.1) = (None, 0);
    }

    /// What was recorded for steps of this size, until it is given [back](Self::give_back). None where a step has to be asked
    /// for operation by operation.
    pub fn take(&mut self, views: &Views, record: impl FnOnce() -> Result<Passes>) -> Option<Passes> {
        if !self.is_wanted {
            return None;
        }
        let sizes = views.sizes();
        if self.seen.0 != sizes {
            self.forget();
            self.seen = (sizes, 0);
        }
        if self.seen.1 < WARM_UP {
            self.seen.1 += 1;
            return None;
        }
        if self.passes.is_none() {
            match record() {
                Ok(passes) => self.passes = Some(passes),
                Err(error) => {
                    let told = "steps are not recorded as CUDA graphs, which takes longer, as machine.cuda_graphs = false does";
                    note(format_args!("warning: {told}: {error:#}"));
                    self.is_wanted = false;
                }
            }
        }
        self.passes.take()
    }

    /// Keeps it for the next step.
    pub fn give_back(&mut self, passes: Passes) {
        self.passes = Some(passes);
    }
}

/// The recorded passes of a step, which work on memory of their own.
#[derive(Debug)]
pub struct Passes {
    /// Bytes of the views: (N, H, W, C) u8.
    trained: Tensor,
    guessed: Option<Tensor>,
    logits: Logits,
    /// The loss's gradient by the trained logits: (N, classes) f32.
    of_logits: Tensor,
    /// (1) f32.
    lr: Tensor,
    // dropped in this order
    backward: Graph,
    forward: Graph,
}

impl Passes {
    /// Records a network's passes, and an update by what its gradients come from and the learning rate.
    pub fn record(
        input: &Input,
        views: &Views,
        network: impl Fn(&Tensor, Mode) -> Tensor,
        update: impl FnOnce(&Tensor, &Tensor),
    ) -> Result<Self> {
        let device = input.device();
        let (trained, guessed) = (input.bytes(&views.trained), views.guessed.map(|views| input.bytes(&[views])));
        let lr = Tensor::zeros([1], (Kind::Float, device));
        if let Device::Cuda(n) = device {
            Cuda::synchronize(n as i64);
        }
        gpu::give_back()?; // what single operations took is recorded with memory of its own
        let images = |bytes: &Tensor, mode| network(&input.normalised(bytes), mode);
        let (forward, logits) = Graph::record(None, || Logits::of(&trained, guessed.as_ref(), images))?;
        let of_logits = logits.trained.zeros_like();
        let (backward, ()) =
            Graph::record(Some(&forward), || update(&(&logits.trained * &of_logits).sum(Kind::Float), &lr))?;
        let trained_logits = logits.trained.detach();
        Ok(Self {
            trained,
            guessed,
            logits: Logits { trained: trained_logits, ..logits },
            of_logits,
            lr,
            backward,
            forward,
        })
    }

    /// Logits of views; the trained ones want a gradient.
    pub fn forward(&self, input: &Input, views: &Views) -> Logits {
        self.trained.shallow_clone().copy_(&input.bytes(&views.trained));
        if let (Some(guessed), Some(views)) = (&self.guessed, views.guessed) {
            guessed.shallow_clone().copy_(&input.bytes(&[views]));
        }
        self.forward.replay();
        let trained = self.logits.trained.detach().set_requires_grad(true);
        Logits { trained, guessed: self.logits.guessed.as_ref().map(Tensor::shallow_clone) }
    }

    /// Updates the weights by a loss that was made of [these logits](Self::forward).
    pub fn backward(&self, loss: &Tensor, logits: &Logits, lr: f64) {
        let of_logits = Tensor::run_backward(&[loss], &[&logits.trained], false, false).remove(0);
        tch::no_grad(|| {
            self.of_logits.shallow_clone().copy_(&of_logits);
            let _ = self.lr.shallow_clone().fill_(lr);
        });
        self.backward.replay();
    }
}
