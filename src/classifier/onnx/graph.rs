//! A graph of operators as it grows, and the layers that it is made of.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use super::proto::{self, Attribute, AttributeType, Dimension, Shape, Tensor, TensorType, Type, ValueInfo};
use crate::run::checkpoint::Array;

/// `TensorProto.DataType` of f32 and of u8.
pub const FLOAT: i32 = 1;
pub const BYTE: i32 = 2;

/// A side of what goes in or comes out.
#[derive(Clone, Copy)]
pub enum Axis {
    /// Of any length: so many images.
    Batch,
    /// Of this one.
    Of(usize),
}

/// An operator that is still to be added.
pub struct Node(proto::Node);

impl Node {
    /// An operator of these values.
    pub fn of(op: &str, inputs: &[&str]) -> Self {
        let input = inputs.iter().map(|&name| name.to_owned()).collect();
        Self(proto::Node { op_type: op.into(), input, ..proto::Node::default() })
    }

    pub fn named(mut self, output: &str) -> Self {
        self.0.output = vec![output.into()];
        self
    }

    pub fn with_int(self, name: &str, value: i64) -> Self {
        self.with(name, Attribute { i: Some(value), r#type: AttributeType::Int.into(), ..Attribute::default() })
    }

    pub fn with_float(self, name: &str, value: f32) -> Self {
        self.with(name, Attribute { f: Some(value), r#type: AttributeType::Float.into(), ..Attribute::default() })
    }

    pub fn with_ints(self, name: &str, values: &[i64]) -> Self {
        let ints = values.to_vec();
        self.with(name, Attribute { ints, r#type: AttributeType::Ints.into(), ..Attribute::default() })
    }

    fn with(mut self, name: &str, attribute: Attribute) -> Self {
        self.0.attribute.push(Attribute { name: name.into(), ..attribute });
        self
    }
}

/// A graph that grows.
pub struct Graph<'a> {
    weights: &'a BTreeMap<String, Array>,
    nodes: Vec<proto::Node>,
    initializers: Vec<Tensor>,
}

impl<'a> Graph<'a> {
    /// A graph without operators, whose layers take these weights.
    pub fn of(weights: &'a BTreeMap<String, Array>) -> Self {
        Self { weights, nodes: Vec::new(), initializers: Vec::new() }
    }

    /// Adds an operator; returns the name of what it gives.
    pub fn add(&mut self, Node(mut node): Node) -> String {
        if node.output.is_empty() {
            node.output = vec![format!("{}.{}", node.op_type.to_lowercase(), self.nodes.len())];
        }
        let output = node.output[0].clone();
        node.name.clone_from(&output);
        self.nodes.push(node);
        output
    }

    /// A vector that is always the same.
    pub fn constant(&mut self, name: &str, values: &[f32]) -> String {
        self.initializers.push(tensor(name, &[values.len()], values));
        name.into()
    }

    /// Whether there is a layer of this name.
    pub fn has(&self, layer: &str) -> bool {
        self.weights.contains_key(&format!("{layer}.weight"))
    }

    /// A convolution with bias, zero-padded by half of its kernel.
    pub fn conv(&mut self, layer: &str, xs: &str, stride: i64) -> Result<String> {
        let (kernel, bias) = (self.weight(layer, "weight")?, self.weight(layer, "bias")?);
        let shape = &self.weights[&kernel].shape;
        ensure!(shape.len() == 4, "the kernel of {layer} is {shape:?}, not (outputs, inputs, height, width)");
        let sides = [shape[2] as i64, shape[3] as i64];
        let pads = [sides[0] / 2, sides[1] / 2];
        let node = Node::of("Conv", &[xs, &kernel, &bias]);
        let node = node.with_ints("kernel_shape", &sides).with_ints("strides", &[stride, stride]);
        Ok(self.add(node.with_ints("pads", &[pads, pads].concat()).named(layer)))
    }

    /// A dense layer.
    pub fn linear(&mut self, layer: &str, xs: &str) -> Result<String> {
        let (kernel, bias) = (self.weight(layer, "weight")?, self.weight(layer, "bias")?);
        Ok(self.add(Node::of("Gemm", &[xs, &kernel, &bias]).with_int("transB", 1).named(layer)))
    }

    /// Batch norm by the running statistics.
    pub fn batch_norm(&mut self, layer: &str, xs: &str, eps: f32) -> Result<String> {
        let parts = ["weight", "bias", "running_mean", "running_var"];
        let parts = parts.map(|part| self.weight(layer, part)).into_iter().collect::<Result<Vec<_>>>()?;
        let inputs: Vec<&str> = std::iter::once(xs).chain(parts.iter().map(String::as_str)).collect();
        Ok(self.add(Node::of("BatchNormalization", &inputs).with_float("epsilon", eps).named(layer)))
    }

    /// Takes a tensor of a layer into the graph.
    fn weight(&mut self, layer: &str, part: &str) -> Result<String> {
        let name = format!("{layer}.{part}");
        let array = self.weights.get(&name).with_context(|| format!("it has no tensor {name}"))?;
        self.initializers.push(tensor(&name, &array.shape, &array.values));
        Ok(name)
    }

    /// The graph with what goes in and comes out: names, types and axes.
    pub fn finish(
        self,
        name: &str,
        inputs: &[(&str, i32, Vec<Axis>)],
        outputs: &[(&str, i32, Vec<Axis>)],
    ) -> proto::Graph {
        let values = |values: &[(&str, i32, Vec<Axis>)]| {
            values.iter().map(|(name, elem_type, axes)| value(name, *elem_type, axes)).collect()
        };
        proto::Graph {
            node: self.nodes,
            name: name.into(),
            initializer: self.initializers,
            input: values(inputs),
            output: values(outputs),
        }
    }
}

fn tensor(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    Tensor {
        dims: shape.iter().map(|&n| n as i64).collect(),
        data_type: FLOAT,
        name: name.into(),
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn value(name: &str, elem_type: i32, axes: &[Axis]) -> ValueInfo {
    let dim = |axis: &Axis| match axis {
        Axis::Batch => Dimension { dim_param: Some("N".into()), dim_value: None },
        Axis::Of(n) => Dimension { dim_value: Some(*n as i64), dim_param: None },
    };
    let shape = Some(Shape { dim: axes.iter().map(dim).collect() });
    let r#type = Some(Type { tensor_type: Some(TensorType { elem_type, shape }) });
    ValueInfo { name: name.into(), r#type }
}
