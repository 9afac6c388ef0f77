//! A block's forward and backward pass stage by stage, with every value kept: what the formulas say, in their order.

use super::block::Block;
use super::input::Features;
use super::norm::TooFewValues;
use super::pass::Pass;
use super::stages::Stage;
use super::workspace::{BlockSpace, Path};
use crate::config::settings::PoolKind;
use crate::kernels::{self, Scalar, activation, pool};

const OTHER_PATH: &str = "a fused workspace takes the other path";

/// Computes every stage for `space.samples` samples of `input`.
///
/// # Errors
/// If the norm needs more values per channel than it gets.
pub(super) fn forward<F: Scalar>(
    block: &Block<F>,
    parameters: &[F],
    pass: Pass,
    input: Features<F>,
    space: &mut BlockSpace<F>,
) -> Result<(), TooFewValues> {
    let samples = space.samples;
    let Path::Plain { values, .. } = &mut space.path else { unreachable!("{OTHER_PATH}") };
    let mut values = std::mem::take(values);
    let result = (0..block.stages.len()).try_for_each(|i| {
        let (before, after) = values.split_at_mut(i);
        let x = before.last().map_or(input.values, |v| &v[..samples * block.shape_after(i - 1).len()]);
        let y = &mut after[0][..samples * block.shape_after(i).len()];
        stage(block, i, parameters, pass, [x, input.values], y, space)
    });
    if let Path::Plain { values: place, .. } = &mut space.path {
        *place = values;
    }
    result
}

/// Computes stage `i` from what the stage before it wrote, x, and the block's input u, for
/// `space.samples` samples.
///
/// # Errors
/// If the norm needs more values per channel than it gets.
pub(super) fn stage<F: Scalar>(
    block: &Block<F>,
    i: usize,
    parameters: &[F],
    pass: Pass,
    [x, u]: [&[F]; 2],
    y: &mut [F],
    space: &mut BlockSpace<F>,
) -> Result<(), TooFewValues> {
    let samples = space.samples;
    match block.stages[i] {
        Stage::Map => {
            block.make_weight(parameters, space);
            let weight = block.weight(parameters, &space.weight);
            block.map_forward(weight, Features::dense(x), y, space.scratch.as_mut());
            if let Some(bias) = &block.bias {
                kernels::add_to_rows(y, &parameters[bias.clone()]);
            }
        }
        Stage::Norm => {
            if let Some(norm) = &block.norm {
                norm.forward(parameters, pass, x, y, &mut space.norm)?;
            }
        }
        Stage::After => {
            if let Some(after) = &block.after {
                after.forward(pass, samples, x, y, &mut space.after);
            }
        }
        Stage::Activation => activation::forward(block.function, x, y),
        Stage::Pool => match block.layer.pool {
            PoolKind::Max => pool::max(x, y, &mut space.winner, samples, block.pool_shape()),
            _ => pool::average(x, y, samples, block.pool_shape()),
        },
        Stage::Skip => y.iter_mut().zip(x).zip(u).for_each(|((y, x), u)| *y = *x + *u),
    }
    Ok(())
}

/// Turns the gradient at the block's output into the gradients of its parameters and, if there is room for it, of its
/// input; for the latest forward pass, which was for `pass`.
pub(super) fn backward<F: Scalar>(
    block: &Block<F>,
    parameters: &[F],
    pass: Pass,
    input: Features<F>,
    space: &mut BlockSpace<F>,
    gradients: &mut [F],
    dinput: Option<&mut [F]>,
) {
    let BlockSpace { samples, path, winner, scratch, norm: cache, after: kept, weight: made, sums, .. } = space;
    let Path::Plain { values, gradients: dvalues } = path else { unreachable!("{OTHER_PATH}") };
    let samples = *samples;
    for (i, stage) in block.stages.iter().enumerate().skip(1).rev() {
        let x = &values[i - 1][..samples * block.shape_after(i - 1).len()];
        let y = &values[i][..samples * block.shape_after(i).len()];
        let (before, after) = dvalues.split_at_mut(i);
        let dy = &after[0][..y.len()];
        let dx = &mut before[i - 1][..x.len()];
        if *stage != Stage::Pool {
            dx.copy_from_slice(dy);
        }
        match stage {
            Stage::Map | Stage::Skip => {}
            Stage::Norm => {
                if let Some(norm) = &block.norm {
                    norm.backward(parameters, x, dx, cache, gradients);
                }
            }
            Stage::After => {
                if let Some(after) = &block.after {
                    after.backward(pass, samples, dx, kept);
                }
            }
            Stage::Activation => activation::backward(block.function, y, dx),
            Stage::Pool => match block.layer.pool {
                PoolKind::Max => pool::max_backward(dy, winner, dx, samples, block.pool_shape()),
                _ => pool::average_backward(dy, dx, samples, block.pool_shape()),
            },
        }
    }
    let (dmapped, above) = dvalues.split_at_mut(1);
    let dmapped = &dmapped[0][..samples * block.layer.mapped.len()];
    block.bias_gradient(dmapped, sums, gradients);
    // What the skip connection carries past the block.
    let carried = above.last().map(|values| &values[..]).filter(|_| block.stages.last() == Some(&Stage::Skip));
    let weight = block.weight(parameters, made);
    block.map_backward(weight, input, dmapped, scratch.as_mut(), &mut gradients[block.weight.clone()], dinput, carried);
}
