//! A network's parameters and buffers under their public names, out of it and into it.

use super::network::Network;
use crate::kernels::Scalar;

impl<F: Scalar> Network<F> {
    /// Every parameter and buffer by public name, with shape and values in public order.
    pub fn state(&self) -> Vec<(String, Vec<usize>, Vec<F>)> {
        let parameters = self.index.iter().map(|p| {
            let values = p.layout.export(&self.parameters[p.range.clone()]);
            (p.name.clone(), p.shape.clone(), values)
        });
        let buffers = self.blocks.iter().enumerate().flat_map(|(i, block)| {
            let buffers = block.norm.iter().flat_map(|norm| norm.buffers());
            buffers.map(move |(name, values)| (format!("blocks.{i}.norm.{name}"), vec![values.len()], values.to_vec()))
        });
        parameters.chain(buffers).collect()
    }

    /// Puts parameters and buffers in place, each as [`Network::state`] gives it. Returns whether `take`, asked for
    /// each by its public name, had all of them in the right length.
    pub fn restore(&mut self, mut take: impl FnMut(&str) -> Option<Vec<F>>) -> bool {
        let mut has_all = true;
        for p in &self.index {
            match take(&p.name).filter(|values| values.len() == p.range.len()) {
                Some(values) => p.layout.import(values, &mut self.parameters[p.range.clone()]),
                None => has_all = false,
            }
        }
        for (i, block) in self.blocks.iter_mut().enumerate() {
            for (name, buffer) in block.norm.iter_mut().flat_map(|norm| norm.buffers_mut()) {
                match take(&format!("blocks.{i}.norm.{name}")).filter(|values| values.len() == buffer.len()) {
                    Some(values) => buffer.copy_from_slice(&values),
                    None => has_all = false,
                }
            }
        }
        has_all
    }
}
