//! Inflated IDX files to samples and labels.
//!
//! | rank | samples | labels |
//! |---|---|---|
//! | 1 | – | N |
//! | 2 | N vectors | N×1, or QMNIST's N×8 32-bit integers, of which the first column is the class |
//! | 3 | N grey images, rows, columns | – |
//! | 4 | N images, rows, columns, channels, or N images, channels, rows, columns: the channels are the size from 1 to 4 | – |

use super::error::IdxError;
use super::header::{Dtype, Header, times};
use crate::sources::facts::{Shape, Values};
use crate::sources::samples::Features;

/// Longest side of an image in pixels.
const LONGEST_SIDE: usize = 4096;
/// Longest vector.
const LONGEST_VECTOR: usize = 1 << 20;
/// Most channels of an image.
const MOST_CHANNELS: usize = 4;
/// Columns of QMNIST's labels: the class, and seven that say who wrote the digit where.
const QMNIST_COLUMNS: usize = 8;

/// An array as it is in a file.
struct Array {
    dtype: Dtype,
    sizes: Vec<usize>,
    /// Without the header.
    bytes: Vec<u8>,
}

impl Array {
    fn parse(mut bytes: Vec<u8>, file: &str) -> Result<Self, IdxError> {
        let header = Header::read(&bytes, file)?;
        header.check_length(bytes.len(), file)?;
        bytes.drain(..header.length());
        let sizes = header.sizes.iter().map(|size| *size as usize).collect();
        let array = Self { dtype: header.dtype, sizes, bytes };
        array.check_order(file)?;
        Ok(array)
    }

    /// Refuses numbers whose bytes are in the wrong order. Small integers are then multiples of 256, and floats of usual size
    /// mostly too small for the type's full precision.
    fn check_order(&self, file: &str) -> Result<(), IdxError> {
        let wrong = |what, kind, remedy| Err(IdxError::Order { file: file.to_owned(), what, kind, remedy });
        let numbers = || self.numbers().filter(|x| *x != 0.0);
        let are_multiples = || self.bytes.iter().any(|byte| *byte != 0) && numbers().all(|x| x % 256.0 == 0.0);
        let multiples = "every number is a multiple of 256";
        let division = "; numbers that are right can be divided by 256";
        match self.dtype {
            Dtype::I16 if are_multiples() => wrong(multiples, "i2", division),
            Dtype::I32 if are_multiples() => wrong(multiples, "i4", division),
            Dtype::F32 | Dtype::F64 => {
                let is_single = self.dtype == Dtype::F32;
                let least = if is_single { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
                let tiny = numbers().filter(|x| x.abs() < least).count();
                let are_tiny = tiny > 0 && 2 * tiny > numbers().count();
                let kind = if is_single { "f4" } else { "f8" };
                if are_tiny {
                    wrong("most numbers are smaller than the type can hold in full", kind, "")
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    /// Every number; each type of the format fits into f64.
    fn numbers(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        match self.dtype {
            Dtype::U8 => Box::new(self.bytes.iter().map(|b| f64::from(*b))),
            Dtype::I8 => Box::new(self.bytes.iter().map(|b| f64::from(b.cast_signed()))),
            Dtype::I16 => Box::new(self.bytes.as_chunks().0.iter().map(|b| f64::from(i16::from_be_bytes(*b)))),
            Dtype::I32 => Box::new(self.bytes.as_chunks().0.iter().map(|b| f64::from(i32::from_be_bytes(*b)))),
            Dtype::F32 => Box::new(self.bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_be_bytes(*b)))),
            Dtype::F64 => Box::new(self.bytes.as_chunks().0.iter().map(|b| f64::from_be_bytes(*b))),
        }
    }

    fn wrong(&self, file: &str, expected: &'static str, remedy: &'static str) -> IdxError {
        IdxError::Shape { file: file.to_owned(), expected, shape: times(&self.sizes), remedy }
    }
}

/// Samples of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedSamples {
    /// Number of samples N, at least 1.
    pub count: usize,
    /// Shape of each: a vector, or an image.
    pub shape: Shape,
    /// What the numbers are.
    pub values: Values,
    /// How the file has them.
    pub dtype: Dtype,
    /// Row-major \[N, H, W, C\].
    pub features: Features,
}

/// The samples of an inflated file (see [`super::inflate()`]); `file` is its name for messages. With `transpose` the
/// file's images lie on their side: what it calls rows are columns.
///
/// # Errors
/// Anything but an array of samples with sensible sizes, exactly as long as its header promises, of finite numbers.
pub fn parse_samples(bytes: Vec<u8>, transpose: bool, file: &str) -> Result<ParsedSamples, IdxError> {
    let array = Array::parse(bytes, file)?;
    let (shape, order) = shape(&array, file)?;
    let (count, dtype) = (array.sizes[0], array.dtype);
    let (values, features) = features(array, file)?;
    let order = if transpose { order.transposed() } else { order };
    let shape = if transpose { Shape { height: shape.width, width: shape.height, ..shape } } else { shape };
    let features = match features {
        Features::Bytes(x) => Features::Bytes(order.sorted(x, shape)),
        Features::Floats(x) => Features::Floats(order.sorted(x, shape)),
        Features::Doubles(x) => Features::Doubles(order.sorted(x, shape)),
    };
    Ok(ParsedSamples { count, shape, values, dtype, features })
}

/// The shape of each sample as the file has it, and how its values lie there.
fn shape(array: &Array, file: &str) -> Result<(Shape, Order), IdxError> {
    let sides = "images of 1 to 4096 rows and columns";
    let sided = |height: usize, width: usize, channels: usize, order: Order| {
        let is_sound = [height, width].iter().all(|side| *side <= LONGEST_SIDE);
        if is_sound {
            Ok((Shape { channels, height, width }, order))
        } else {
            Err(array.wrong(file, sides, "cut them"))
        }
    };
    match array.sizes[1..] {
        [length] if length <= LONGEST_VECTOR => Ok((Shape::vector(length), Order::ChannelsLast)),
        [_] => Err(array.wrong(file, "vectors of at most 1048576 features", "choose some of them")),
        [height, width] => sided(height, width, 1, Order::ChannelsLast),
        [height, width, channels] if channels <= MOST_CHANNELS => sided(height, width, channels, Order::ChannelsLast),
        [channels, height, width] if channels <= MOST_CHANNELS => sided(height, width, channels, Order::ChannelsFirst),
        [_, _, _] => {
            let expected = "images of 1 to 4 channels, N×rows×columns×channels or N×channels×rows×columns";
            Err(array.wrong(file, expected, "save each image as one row, N×features, to use all of it as a vector"))
        }
        _ => {
            let expected = "samples (images), N×rows×columns, N×rows×columns×channels, or N×features";
            Err(array.wrong(file, expected, "one size is that of labels: the file is mislabelled"))
        }
    }
}

/// How the values of a sample lie in a file.
#[derive(Clone, Copy)]
enum Order {
    /// rows, columns, channels
    ChannelsLast,
    /// channels, rows, columns
    ChannelsFirst,
    /// columns, rows, channels
    ColumnsFirst,
    /// channels, columns, rows
    ChannelsThenColumns,
}

impl Order {
    fn transposed(self) -> Self {
        match self {
            Self::ChannelsLast | Self::ColumnsFirst => Self::ColumnsFirst,
            Self::ChannelsFirst | Self::ChannelsThenColumns => Self::ChannelsThenColumns,
        }
    }

    /// The same samples as rows, columns, channels.
    fn sorted<T: Copy>(self, values: Vec<T>, Shape { channels, height, width }: Shape) -> Vec<T> {
        let at = |row: usize, column: usize, channel: usize| match self {
            Self::ChannelsLast => (row * width + column) * channels + channel,
            Self::ChannelsFirst => (channel * height + row) * width + column,
            Self::ColumnsFirst => (column * height + row) * channels + channel,
            Self::ChannelsThenColumns => (channel * width + column) * height + row,
        };
        if matches!(self, Self::ChannelsLast) {
            return values;
        }
        let mut sorted = Vec::with_capacity(values.len());
        for sample in values.chunks_exact(channels * height * width) {
            for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
                sorted.extend((0..channels).map(|channel| sample[at(row, column, channel)]));
            }
        }
        sorted
    }
}

/// The numbers of samples, and what they are. Wider integers that are all bytes are taken for bytes.
fn features(array: Array, file: &str) -> Result<(Values, Features), IdxError> {
    match array.dtype {
        Dtype::U8 => Ok((Values::Bytes, Features::Bytes(array.bytes))),
        Dtype::F32 | Dtype::F64 => {
            let is_finite = |x: f64| x.abs() <= f64::from(f32::MAX);
            if let Some((index, found)) = array.numbers().enumerate().find(|(_, x)| !is_finite(*x)) {
                let expected = "finite numbers that fit into 32 bits, the highest byte of each first";
                return Err(IdxError::Value { file: file.to_owned(), expected, found: format!("{found:?}"), index });
            }
            let is_single = array.dtype == Dtype::F32;
            Ok((Values::Scaled, if is_single { singles(&array) } else { Features::Doubles(array.numbers().collect()) }))
        }
        Dtype::I8 | Dtype::I16 | Dtype::I32 => {
            if array.numbers().all(|x| (0.0..=255.0).contains(&x)) {
                return Ok((Values::Bytes, Features::Bytes(array.numbers().map(|x| x as u8).collect())));
            }
            let is_wide = array.dtype == Dtype::I32;
            let features = if is_wide { Features::Doubles(array.numbers().collect()) } else { singles(&array) };
            Ok((Values::Measured, features))
        }
    }
}

fn singles(array: &Array) -> Features {
    Features::Floats(array.numbers().map(|x| x as f32).collect())
}

/// The labels \[N\] of an inflated file (see [`super::inflate()`]), whole numbers; `file` is its name for messages.
///
/// # Errors
/// Anything but an array of labels, exactly as long as its header promises, of whole numbers.
pub fn parse_labels(bytes: Vec<u8>, file: &str) -> Result<Vec<i64>, IdxError> {
    let array = Array::parse(bytes, file)?;
    let columns = match (&array.sizes[1..], array.dtype) {
        ([], _) | ([1], _) => 1,
        ([QMNIST_COLUMNS], Dtype::I32) => QMNIST_COLUMNS,
        ([_, _, ..], _) => {
            let expected = "labels, one a sample";
            return Err(array.wrong(file, expected, "so many sizes are those of images: the file is mislabelled"));
        }
        ([_], _) => {
            let expected = "labels, one a sample: N, N×1, or QMNIST's N×8 integers of 32 bits";
            let remedy =
                "save the class of each sample as one whole number (of rows with a single 1, the place of the 1)";
            return Err(array.wrong(file, expected, remedy));
        }
    };
    let mut labels = Vec::with_capacity(array.sizes[0]);
    for (index, x) in array.numbers().step_by(columns).enumerate() {
        // Every integer of 53 bits is a float; a label beyond is none.
        if x.fract() != 0.0 || x.abs() > 9e15 {
            let (file, expected) = (file.to_owned(), "labels that are whole numbers from -9e15 to 9e15");
            return Err(IdxError::Value { file, expected, found: format!("{x:?}"), index });
        }
        labels.push(x as i64);
    }
    Ok(labels)
}
