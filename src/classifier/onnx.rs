//! A classifier as an ONNX model: images as bytes in, probabilities and logits out, with what lies between in one graph.
//!
//! Operators are those of opset 17. What the network computes is written down a second time here, beside the worker's
//! `model`; a test holds the two together.

mod graph;
mod proto;

use anyhow::Result;
use prost::Message as _;

use self::graph::{Axis, BYTE, FLOAT, Graph, Node};
use self::proto::{Entry, OperatorSet};
use super::Classifier;
use crate::config::{Model, ModelName};

/// The version of the format, and of its operators: what onnxruntime 1.12 and whatever is newer reads.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;

impl Classifier {
    /// The bytes of an ONNX model: `images` (N, height, width, channels) of bytes in; `probabilities` and `logits`
    /// (N, classes) out. Its metadata are those of the safetensors file.
    ///
    /// # Errors
    /// If the weights are not those of the network.
    pub fn to_onnx(&self) -> Result<Vec<u8>> {
        let mut graph = Graph::of(&self.weights);
        let images = self.normalize(&mut graph);
        let features = match self.network.name {
            ModelName::Cnn => cnn(&mut graph, &images)?,
            ModelName::Wrn => wrn(&mut graph, &images, &self.network)?,
        };
        let last = if self.network.name == ModelName::Cnn { "fc2" } else { "fc" };
        let logits = graph.linear(last, &features)?;
        let logits = graph.add(Node::of("Identity", &[&logits]).named("logits"));
        graph.add(Node::of("Softmax", &[&logits]).with_int("axis", 1).named("probabilities"));

        let Self { input, classes, .. } = self;
        let [height, width, channels] =
            [input.preprocess.height, input.preprocess.width, input.preprocess.channels].map(Axis::Of);
        let outputs = ["probabilities", "logits"].map(|name| (name, FLOAT, vec![Axis::Batch, Axis::Of(classes.len())]));
        let model = proto::Model {
            ir_version: IR_VERSION,
            producer_name: "fixmatch".into(),
            producer_version: crate::VERSION.into(),
            graph: Some(graph.finish(
                &self.name(),
                &[("images", BYTE, vec![Axis::Batch, height, width, channels])],
                &outputs,
            )),
            opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
            metadata_props: self.metadata().into_iter().map(|(key, value)| Entry { key, value }).collect(),
        };
        Ok(model.encode_to_vec())
    }

    /// From bytes N×H×W×C to floats (N, C, H, W), normalised as the training images were.
    fn normalize(&self, graph: &mut Graph) -> String {
        let preprocess = &self.input.preprocess;
        let as_f32 = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
        let mean = graph.constant("input.mean", &as_f32(&preprocess.mean));
        let std = graph.constant("input.std", &as_f32(&preprocess.std));
        let floats = graph.add(Node::of("Cast", &["images"]).with_int("to", FLOAT.into()));
        let centered = graph.add(Node::of("Sub", &[&floats, &mean]));
        let scaled = graph.add(Node::of("Div", &[&centered, &std]));
        graph.add(Node::of("Transpose", &[&scaled]).with_ints("perm", &[0, 3, 1, 2]))
    }
}

/// The features (N, 64) of the small network.
fn cnn(graph: &mut Graph, images: &str) -> Result<String> {
    let mut xs = images.to_owned();
    for layer in ["conv1", "conv2"] {
        xs = graph.conv(layer, &xs, 1)?;
        xs = graph.add(Node::of("MaxPool", &[&xs]).with_ints("kernel_shape", &[2, 2]).with_ints("strides", &[2, 2]));
        xs = graph.add(Node::of("Relu", &[&xs]));
    }
    xs = graph.conv("conv3", &xs, 1)?;
    xs = graph.add(Node::of("Relu", &[&xs]));
    xs = graph.add(Node::of("Flatten", &[&xs]).with_int("axis", 1));
    xs = graph.linear("fc1", &xs)?;
    Ok(graph.add(Node::of("Relu", &[&xs])))
}

/// The features (N, 64·width) of the wide residual network.
fn wrn(graph: &mut Graph, images: &str, network: &Model) -> Result<String> {
    let mut xs = graph.conv("conv1", images, 1)?;
    for stage in 1..=network.n_stages() {
        for place in 0..network.n_blocks() {
            let part = |part: &str| format!("block{stage}.{place}.{part}");
            let (is_first, stride) = (stage == 1 && place == 0, if stage > 1 && place == 0 { 2 } else { 1 });
            let activated = activate(graph, &part("bn1"), &xs)?;
            let branch = graph.conv(&part("conv1"), &activated, stride)?;
            let branch = activate(graph, &part("bn2"), &branch)?;
            let branch = graph.conv(&part("conv2"), &branch, 1)?;
            let passed = if is_first { activated } else { xs };
            let has_shortcut = graph.has(&part("shortcut"));
            let passed = if has_shortcut { graph.conv(&part("shortcut"), &passed, stride)? } else { passed };
            xs = graph.add(Node::of("Add", &[&branch, &passed]));
        }
    }
    let xs = activate(graph, "bn", &xs)?;
    let means = graph.add(Node::of("GlobalAveragePool", &[&xs]));
    Ok(graph.add(Node::of("Flatten", &[&means]).with_int("axis", 1)))
}

/// Batch norm by its running statistics, then leaky ReLU.
fn activate(graph: &mut Graph, layer: &str, xs: &str) -> Result<String> {
    let normed = graph.batch_norm(layer, xs, Model::BN_EPS as f32)?;
    Ok(graph.add(Node::of("LeakyRelu", &[&normed]).with_float("alpha", Model::LEAKY_SLOPE as f32)))
}
