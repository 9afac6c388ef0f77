//! Each kernel at the sizes that it has in the two networks of `benches/step.rs`.
//!
//! `items` are floating-point operations (a multiplication and an addition count as two) for products,
//! values for everything else. Compare within one run: absolute times move with the machine's load.

use bn_exp::kernels::activation::{self, Function};
use bn_exp::kernels::conv::{ConvShape, Convolution, Scratch};
use bn_exp::kernels::fused_pool::{self, Pooled};
use bn_exp::kernels::norm::{self, Gradient, PerChannel};
use bn_exp::kernels::update::{self, Adam, Momentum, Sgd};
use bn_exp::kernels::{gemm, pool, softmax, sparse};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// Numbers of no pattern between −1 and 1.
fn numbers(n: usize) -> Vec<f32> {
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
    };
    std::iter::repeat_with(next).map(|x| x as f32).take(n).collect()
}

/// (batch, inputs, outputs) of the fully connected layers.
const LINEAR: [(usize, usize, usize); 4] = [(60, 784, 100), (60, 100, 100), (60, 100, 10), (64, 1568, 10)];

#[divan::bench(args = LINEAR)]
fn linear_forward(bencher: Bencher, (m, k, n): (usize, usize, usize)) {
    let (x, w, mut y) = (numbers(m * k), numbers(k * n), numbers(m * n));
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| gemm::product(&x, &w, &mut y, (m, k, n)));
}

#[divan::bench(args = LINEAR)]
fn linear_weight_gradient(bencher: Bencher, (m, k, n): (usize, usize, usize)) {
    let (x, dy, mut dw) = (numbers(m * k), numbers(m * n), numbers(k * n));
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| gemm::product_tn(&x, &dy, &mut dw, (m, k, n)));
}

#[divan::bench(args = LINEAR)]
fn linear_input_gradient(bencher: Bencher, (m, k, n): (usize, usize, usize)) {
    let (dy, w, mut dx) = (numbers(m * n), numbers(k * n), numbers(m * k));
    bencher.counter(ItemsCount::new(2 * m * k * n)).bench_local(|| gemm::product_nt(&dy, &w, &mut dx, (m, k, n)));
}

/// A batch of images 28 × 28: one pixel in five is not 0, in strokes, none near the border.
fn images(n: usize) -> Vec<f32> {
    let mut x = numbers(n * 784);
    for (i, v) in x.iter_mut().enumerate() {
        let (sample, row, column) = (i / 784, i % 784 / 28, i % 28);
        let is_inside = (4..24).contains(&row) && (4..24).contains(&column);
        if !is_inside || (row + column + sample * 7) % 15 >= 6 {
            *v = 0.0;
        }
    }
    x
}

#[divan::bench(args = ["find", "forward", "weight_gradient"])]
fn first_layer_60x784x100(bencher: Bencher, part: &str) {
    let size = (60, 784, 100);
    let (x, w, mut y, mut dw) = (images(60), numbers(78_400), numbers(6000), numbers(78_400));
    let mut map = sparse::Map::with_capacity(60, 784);
    let fill = |map: &mut sparse::Map| {
        map.clear();
        x.chunks_exact(784).for_each(|row| map.add_row(row));
        map.complete(&x, 784);
    };
    fill(&mut map);
    bencher.bench_local(|| match part {
        "find" => fill(&mut map),
        "forward" => sparse::product(&map, &x, &w, &mut y, size),
        _ => sparse::product_tn(&map, &x, &y, &mut dw, size),
    });
}

/// (side, input channels, output channels, kernel) of the convolutions, 64 images each.
const CONV: [(usize, usize, usize, usize); 4] = [(28, 1, 16, 3), (14, 16, 32, 3), (14, 16, 32, 5), (14, 32, 64, 3)];
const IMAGES: usize = 64;

struct Conv {
    map: Convolution,
    scratch: Scratch<f32>,
    x: Vec<f32>,
    w: Vec<f32>,
    y: Vec<f32>,
    operations: ItemsCount,
}

fn conv((side, input_channels, output_channels, kernel): (usize, usize, usize, usize)) -> Conv {
    let shape = ConvShape { height: side, width: side, input_channels, output_channels, kernel };
    let (pixels, weights) = (IMAGES * side * side, kernel * kernel * input_channels * output_channels);
    Conv {
        map: Convolution::new(shape),
        scratch: Scratch::new(shape, true),
        x: numbers(pixels * input_channels),
        w: numbers(weights),
        y: numbers(pixels * output_channels),
        operations: ItemsCount::new(2 * pixels * weights),
    }
}

#[divan::bench(args = CONV)]
fn conv_forward(bencher: Bencher, size: (usize, usize, usize, usize)) {
    let Conv { map, mut scratch, x, w, mut y, operations } = conv(size);
    bencher.counter(operations).bench_local(|| map.forward(&x, &w, &mut y, &mut scratch));
}

#[divan::bench(args = CONV)]
fn conv_weight_gradient(bencher: Bencher, size: (usize, usize, usize, usize)) {
    let Conv { map, mut scratch, x, mut w, y, operations } = conv(size);
    bencher.counter(operations).bench_local(|| map.weight_gradient(&x, &y, false, &mut w, &mut scratch));
}

#[divan::bench(args = CONV)]
fn conv_input_gradient(bencher: Bencher, size: (usize, usize, usize, usize)) {
    let Conv { map, mut scratch, mut x, w, y, operations } = conv(size);
    bencher.counter(operations).bench_local(|| {
        map.flip(&w, &mut scratch);
        map.input_gradient(&y, &mut x, &mut scratch);
    });
}

/// (rows, channels) of what norms see: the fully connected layers, and both convolutions.
const ROWS: [(usize, usize); 3] = [(60, 100), (IMAGES * 28 * 28, 16), (IMAGES * 14 * 14, 32)];

#[divan::bench(args = ROWS)]
fn batch_statistics(bencher: Bencher, (rows, channels): (usize, usize)) {
    let x = numbers(rows * channels);
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    bencher.counter(ItemsCount::new(x.len())).bench_local(|| norm::moments(&x, &mut mean, &mut variance));
}

#[divan::bench(args = ROWS)]
fn norm_and_sigmoid(bencher: Bencher, (rows, channels): (usize, usize)) {
    let (x, mut y) = (numbers(rows * channels), numbers(rows * channels));
    let [center, scale, shift] = [(); 3].map(|()| numbers(channels));
    bencher.counter(ItemsCount::new(x.len())).bench_local(|| {
        norm::normalize(Function::Sigmoid, &x, PerChannel { center: &center, scale: &scale, shift: &shift }, &mut y);
    });
}

#[divan::bench(args = ROWS)]
fn norm_backward(bencher: Bencher, (rows, channels): (usize, usize)) {
    let (x, mut d) = (numbers(rows * channels), numbers(rows * channels));
    let [center, p, q, r] = [(); 4].map(|()| numbers(channels));
    let (mut sum, mut centered) = (vec![0.0; channels], vec![0.0; channels]);
    bencher.counter(ItemsCount::new(x.len())).bench_local(|| {
        norm::reduce(&d, &x, &center, &mut sum, &mut centered);
        norm::combine(&mut d, &x, Gradient { center: &center, p: &p, q: &q, r: &r });
    });
}

/// (side, channels) in front of the pools.
const POOLS: [(usize, usize); 2] = [(28, 16), (14, 32)];

#[divan::bench(args = POOLS)]
fn norm_relu_and_pool(bencher: Bencher, (side, channels): (usize, usize)) {
    let n = IMAGES * side * side * channels;
    let (x, mut y, mut winner_input, mut winner) = (numbers(n), numbers(n / 4), numbers(n / 4), vec![0; n / 4]);
    let [center, scale, shift] = [(); 3].map(|()| numbers(channels));
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        let to = Pooled { y: &mut y, winner_input: &mut winner_input, winner: &mut winner };
        let coefficients = PerChannel { center: &center, scale: &scale, shift: &shift };
        fused_pool::forward(Function::Relu, &x, (side, side, channels), coefficients, to);
    });
}

#[divan::bench(args = POOLS)]
fn norm_relu_and_pool_backward(bencher: Bencher, (side, channels): (usize, usize)) {
    let n = IMAGES * side * side * channels;
    let (x, y, mut g, mut image) = (numbers(n), numbers(n / 4), numbers(n / 4), numbers(side * side * channels));
    let winner: Vec<u8> = (0..n / 4).map(|i| (i * 7 % 4) as u8).collect();
    let [center, p, q, r] = [(); 4].map(|()| numbers(channels));
    let (mut sum, mut centered) = (vec![0.0; channels], vec![0.0; channels]);
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        activation::backward(Function::Relu, &y, &mut g);
        norm::reduce(&g, &y, &center, &mut sum, &mut centered);
        let images = x.chunks_exact(image.len());
        let pooled = g.chunks_exact(image.len() / 4).zip(winner.chunks_exact(image.len() / 4));
        for (x, (g, winner)) in images.zip(pooled) {
            let gradient = Gradient { center: &center, p: &p, q: &q, r: &r };
            fused_pool::combine(g, winner, x, (side, side, channels), gradient, &mut image);
        }
    });
}

#[divan::bench(args = POOLS)]
fn average_pool(bencher: Bencher, (side, channels): (usize, usize)) {
    let n = IMAGES * side * side * channels;
    let (x, mut y) = (numbers(n), numbers(n / 4));
    bencher.counter(ItemsCount::new(n)).bench_local(|| pool::average(&x, &mut y, IMAGES, (side, side, channels)));
}

#[divan::bench(args = ["relu", "tanh", "sigmoid"])]
fn activation_6000(bencher: Bencher, name: &str) {
    let function = match name {
        "relu" => Function::Relu,
        "tanh" => Function::Tanh,
        _ => Function::Sigmoid,
    };
    let (x, mut y, mut d) = (numbers(6000), numbers(6000), numbers(6000));
    bencher.counter(ItemsCount::new(6000u32)).bench_local(|| {
        activation::forward(function, &x, &mut y);
        activation::backward(function, &y, &mut d);
    });
}

#[divan::bench]
fn softmax_cross_entropy_60x10(bencher: Bencher) {
    let (z, mut dz, labels) = (numbers(600), numbers(600), [3; 60]);
    bencher.bench_local(|| softmax::cross_entropy(&z, &labels, 10, Some(&mut dz)));
}

/// The fully connected network's parameters.
const PARAMETERS: usize = 99_710;

#[divan::bench(args = ["sgd", "momentum", "adam"])]
fn update_99710(bencher: Bencher, kind: &str) {
    let (mut theta, gradient) = (numbers(PARAMETERS), numbers(PARAMETERS));
    let (mut first, mut second) = (numbers(PARAMETERS), vec![1.0; PARAMETERS]);
    bencher.counter(ItemsCount::new(PARAMETERS)).bench_local(|| {
        let sgd = Sgd { theta: &mut theta, gradient: &gradient, rate: 1e-6, decay: 0.0 };
        match kind {
            "sgd" => update::run(sgd),
            "momentum" => update::run(Momentum { sgd, velocity: &mut first, momentum: 0.5, nesterov: false }),
            _ => update::run(Adam {
                sgd,
                keep: 1.0,
                first: &mut first,
                second: &mut second,
                beta1: (0.9, 0.1),
                beta2: (0.999, 0.001),
                per_root: 1.0,
                epsilon: 1e-8,
            }),
        }
    });
}
