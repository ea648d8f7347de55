//! The trained tensors of a network in one row of memory: what is done to all of them is one operation, not one for each.

use tch::Tensor;

/// Where tensors lie in a row. Some come first, so that what only happens to these happens to one piece of it.
#[derive(Clone, Debug)]
pub struct Layout {
    /// In the order that they are given in.
    places: Vec<Place>,
    /// Places in the order of the row.
    order: Vec<usize>,
    /// Numbers of those that come first.
    n_first: i64,
}

/// A tensor in the row.
#[derive(Clone, Debug)]
struct Place {
    start: i64,
    shape: Vec<i64>,
    strides: Vec<i64>,
}

impl Layout {
    /// For some tensors, each without gaps in memory, and whether they are among the first.
    pub fn new(tensors: &[(&Tensor, bool)]) -> Self {
        let (first, others): (Vec<usize>, Vec<usize>) = (0..tensors.len()).partition(|&place| tensors[place].1);
        let order = [first.as_slice(), &others].concat();
        let n_of = |places: &[usize]| places.iter().map(|&place| tensors[place].0.numel() as i64).sum();
        let place = |place: usize| {
            let rank = order.iter().position(|&it| it == place).expect("each is in the order");
            let tensor = tensors[place].0;
            Place { start: n_of(&order[..rank]), shape: tensor.size(), strides: tensor.stride() }
        };
        Self { places: (0..tensors.len()).map(place).collect(), n_first: n_of(&first), order }
    }

    /// A new row of copies of tensors, such as gradients, in the order that the layout was given.
    pub fn join(&self, tensors: &[Tensor]) -> Tensor {
        let rows: Vec<Tensor> = self.order.iter().map(|&place| by_memory(&tensors[place])).collect();
        Tensor::cat(&rows, 0)
    }

    /// The tensors that a row is made of, outside of any graph, in the same order.
    pub fn views(&self, row: &Tensor) -> Vec<Tensor> {
        let view = |it: &Place| row.as_strided(&it.shape, &it.strides, it.start).detach();
        self.places.iter().map(view).collect()
    }

    /// The part of a row that comes first.
    pub fn first(&self, row: &Tensor) -> Tensor {
        row.narrow(0, 0, self.n_first)
    }
}

/// A tensor's numbers as they lie in memory, those of kernels with channels innermost.
fn by_memory(tensor: &Tensor) -> Tensor {
    let tensor = if tensor.dim() == 4 { tensor.permute([0, 2, 3, 1]) } else { tensor.shallow_clone() };
    tensor.reshape([-1])
}

#[cfg(test)]
mod tests {
    use fixmatch::config::{Model, ModelName};
    use tch::Device;

    use super::*;
    use crate::model::{Network, Shape};
    use crate::weights::{Role, Weights};

    fn weights(name: ModelName) -> Weights {
        let shape = Shape { channels: 3, height: 32, width: 32, classes: 7 };
        Weights::init(Network::new(&Model { name, ..Model::default() }, shape).specs(), 0, Device::Cpu)
    }

    /// Vector instructions, and the libraries that use them, like addresses that are a multiple of 64 bytes.
    #[test]
    fn the_tensors_of_a_network_lie_in_one_row_without_gaps_from_multiples_of_64_bytes_on() {
        for name in [ModelName::Cnn, ModelName::Wrn] {
            let weights = weights(name);
            let first = weights.flat().data_ptr() as usize;
            let mut spans: Vec<(usize, usize)> = weights
                .trained()
                .map(|(_, tensor)| (tensor.data_ptr() as usize - first, tensor.numel() * size_of::<f32>()))
                .collect();
            assert!(spans.iter().all(|(start, _)| (first + start).is_multiple_of(64)), "{name:?}");
            spans.sort_unstable();
            let end = spans.iter().fold(0, |end, &(start, size)| {
                assert_eq!(start, end, "{name:?}");
                start + size
            });
            assert_eq!(end, weights.flat().numel() * size_of::<f32>());
            let n_kernels: usize =
                weights.trained().filter(|(spec, _)| spec.role == Role::Kernel).map(|(_, it)| it.numel()).sum();
            assert_eq!(weights.kernels(weights.flat()).numel(), n_kernels);
        }
    }

    #[test]
    fn a_row_of_tensors_in_any_order_of_memory_has_these_tensors_as_its_views() {
        for name in [ModelName::Cnn, ModelName::Wrn] {
            let weights = weights(name);
            let as_they_are: Vec<Tensor> = weights.trained().map(|(_, tensor)| tensor.detach()).collect();
            let by_channel: Vec<Tensor> = as_they_are.iter().map(Tensor::contiguous).collect();
            for tensors in [&as_they_are, &by_channel] {
                let row = weights.join(tensors);
                assert!(row.equal(weights.flat()));
                assert!(weights.views(&row).iter().zip(tensors).all(|(view, tensor)| view.equal(tensor)));
            }
        }
    }
}
