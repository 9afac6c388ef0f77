//! Maps, activations, pools and the loss, each by itself.

use super::*;

#[test]
fn a_linear_map_has_the_right_derivatives() {
    for (samples, inputs, outputs) in [(3, 5, 4), (1, 1, 2), (8, 2, 7), (2, 17, 1)] {
        let map = Linear { inputs, outputs };
        let (x, weight) = (samples * inputs, inputs * outputs);
        let case = format!("{map:?}, {samples} samples");
        let y = |at: &[f64]| {
            let mut y = blank(samples * outputs);
            map.forward(Features::dense(&at[..x]), &at[x..], &mut y);
            y
        };
        let gradient = |at: &[f64], dy: &[f64]| {
            let mut gradient = blank(at.len());
            let (dx, dweight) = gradient.split_at_mut(x);
            map.weight_gradient(Features::dense(&at[..x]), dy, dweight);
            map.input_gradient(dy, &at[x..], dx);
            gradient
        };
        let at = normals(&mut stream(1, &case), x + weight);
        let tensors = tensors([("x", &[samples, inputs]), ("weight", &[inputs, outputs])]);
        check(&case, &at, &tensors, y, gradient);
    }
}

#[test]
fn a_convolution_has_the_right_derivatives_on_odd_sizes() {
    // Samples, height, width, input channels, output channels, kernel.
    let sizes = [(2, 5, 7, 3, 4, 3), (3, 5, 7, 2, 3, 5), (2, 4, 3, 3, 2, 1), (2, 1, 1, 1, 2, 3), (1, 1, 6, 2, 2, 5)];
    for (samples, height, width, input_channels, output_channels, kernel) in sizes {
        let shape = ConvShape { height, width, input_channels, output_channels, kernel };
        let map = Conv::new(shape);
        let scratch = || Scratch::new(shape, true);
        let case = format!("{shape:?}, {samples} samples");
        let pixels = samples * height * width;
        let (x, weight) = (pixels * input_channels, kernel * kernel * input_channels * output_channels);
        let y = |at: &[f64]| {
            let mut y = blank(pixels * output_channels);
            map.forward(&at[..x], &at[x..], &mut y, &mut scratch());
            y
        };
        let gradient = |at: &[f64], dy: &[f64]| {
            let mut gradient = blank(at.len());
            let (dx, dweight) = gradient.split_at_mut(x);
            let mut scratch = scratch();
            map.weight_gradient(&at[..x], dy, false, dweight, &mut scratch);
            map.flip(&at[x..], &mut scratch);
            map.input_gradient(dy, dx, &mut scratch);
            gradient
        };
        let at = normals(&mut stream(1, &case), x + weight);
        let x = ("x", &[samples, height, width, input_channels][..]);
        let weight = ("weight", &[kernel, kernel, input_channels, output_channels][..]);
        check(&case, &at, &tensors([x, weight]), y, gradient);
    }
}

#[test]
fn activations_have_the_right_derivatives_away_from_kinks() {
    for function in [Function::Relu, Function::Tanh, Function::Sigmoid] {
        let name = format!("{function:?}");
        let at: Vec<f64> = normals(&mut stream(1, &name), 40).iter().map(|x| x + 0.01 * x.signum()).collect();
        assert!(at.iter().any(|x| *x < 0.0) && at.iter().any(|x| *x > 0.0));
        let y = |at: &[f64]| {
            let mut y = blank(at.len());
            activation::forward(function, at, &mut y);
            y
        };
        let gradient = |at: &[f64], dy: &[f64]| {
            let mut d = dy.to_vec();
            activation::backward(function, &y(at), &mut d);
            d
        };
        check(&name, &at, &tensors([("x", &[at.len()])]), y, gradient);
    }
}

#[test]
fn pools_have_the_right_derivatives_where_rows_and_columns_are_dropped() {
    for (samples, h, w, c) in [(2, 5, 7, 3), (3, 4, 6, 2), (1, 2, 3, 1), (2, 3, 2, 4)] {
        let (shape, outputs) = ((h, w, c), samples * (h / 2) * (w / 2) * c);
        let maximum = |at: &[f64]| {
            let (mut y, mut winner) = (blank(outputs), vec![u8::MAX; outputs]);
            pool::max(at, &mut y, &mut winner, samples, shape);
            (y, winner)
        };
        let average = |at: &[f64]| {
            let mut y = blank(outputs);
            pool::average(at, &mut y, samples, shape);
            y
        };
        let max_gradient = |at: &[f64], dy: &[f64]| {
            let mut dx = blank(at.len());
            pool::max_backward(dy, &maximum(at).1, &mut dx, samples, shape);
            dx
        };
        let average_gradient = |at: &[f64], dy: &[f64]| {
            let mut dx = blank(at.len());
            pool::average_backward(dy, &mut dx, samples, shape);
            dx
        };
        let case = format!("{samples}×{h}×{w}×{c}");
        let at = normals(&mut stream(1, &case), samples * h * w * c);
        let x = tensors([("x", &[samples, h, w, c])]);
        check(&format!("max {case}"), &at, &x, |at| maximum(at).0, max_gradient);
        check(&format!("average {case}"), &at, &x, average, average_gradient);
    }
}

#[test]
fn softmax_cross_entropy_has_the_right_derivative() {
    for (samples, classes) in [(4, 5), (1, 2), (7, 10)] {
        let case = format!("cross-entropy {samples}×{classes}");
        let labels: Vec<u8> = (0..samples).map(|n| (n * 3 % classes) as u8).collect();
        let mean = |at: &[f64]| vec![softmax::cross_entropy(at, &labels, classes, None).loss_sum / samples as f64];
        let gradient = |at: &[f64], dloss: &[f64]| {
            let mut dlogits = blank(at.len());
            softmax::cross_entropy(at, &labels, classes, Some(&mut dlogits));
            dlogits.iter().map(|d| dloss[0] * d).collect()
        };
        let at = normals(&mut stream(1, &case), samples * classes);
        check(&case, &at, &tensors([("logits", &[samples, classes])]), mean, gradient);
    }
}
