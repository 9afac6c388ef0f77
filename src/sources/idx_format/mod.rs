//! IDX files, the format of MNIST: bytes in, arrays out, no file access.
//!
//! A file is a big-endian header, then the numbers, row-major (<http://yann.lecun.com/exdb/mnist/>): two zero bytes, the
//! type (0x08 unsigned bytes, 0x09 signed bytes, 0x0b, 0x0c integers of 16, 32 bits, 0x0d, 0x0e floats of 32, 64 bits),
//! the number of sizes, and the sizes, 32 bits each. MNIST's are 0x00000803, count, rows, columns (images) and 0x00000801,
//! count (labels). What other arrays mean is in [`parse_samples`] and [`parse_labels`].
//!
//! [`inflate()`] comes first and is separate from parsing, so that the caller can hash the whole inflated file; parsing
//! then takes the bytes over, and an image file of bytes is in memory once.

mod error;
mod header;
mod inflate;
mod parse;

pub use error::IdxError;
pub use header::Dtype;
pub use inflate::{inflate, inflate_to};
pub use parse::{ParsedSamples, parse_labels, parse_samples};

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::sources::facts::{Shape, Values};
    use crate::sources::samples::Features;

    fn file(words: &[u32], data: &[u8]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).chain(data.iter().copied()).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn images(raw: Vec<u8>) -> Result<ParsedSamples, IdxError> {
        parse_samples(inflate(raw, "some-file")?, false, "some-file")
    }

    fn labels(raw: Vec<u8>) -> Result<Vec<i64>, IdxError> {
        parse_labels(inflate(raw, "some-file")?, "some-file")
    }

    /// The error of an image file, plain and gzipped.
    fn image_errors(plain: &[u8]) -> [IdxError; 2] {
        [plain.to_vec(), gzip(plain)].map(|raw| images(raw).unwrap_err())
    }

    const PIXELS: [u8; 12] = [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255];

    #[test]
    fn plain_and_gzipped_files_hold_the_same() {
        let plain = file(&[0x803, 2, 2, 3], &PIXELS);
        assert_eq!(inflate(gzip(&plain), "f").unwrap(), plain);
        let shape = Shape { channels: 1, height: 2, width: 3 };
        let (values, features) = (Values::Bytes, Features::Bytes(PIXELS.to_vec()));
        let expected = ParsedSamples { count: 2, shape, values, dtype: Dtype::U8, features };
        assert_eq!(images(gzip(&plain)).unwrap(), expected);
        assert_eq!(images(plain).unwrap(), expected);
        for count in [1, 7, 8, 9, 100_000] {
            let data: Vec<u8> = (0..count).map(|i| i as u8).collect();
            let plain = file(&[0x801, count], &data);
            let data: Vec<i64> = data.into_iter().map(i64::from).collect();
            assert_eq!(labels(gzip(&plain)).unwrap(), data);
            assert_eq!(labels(plain).unwrap(), data);
        }
    }

    #[test]
    fn a_large_file_is_allocated_to_its_size() {
        let plain = file(&[0x803, 100, 100, 100], &vec![0; 1_000_000]);
        let bytes = inflate(gzip(&plain), "f").unwrap();
        assert_eq!(bytes.len(), plain.len());
        assert_eq!(bytes.capacity(), plain.len() + 1);
    }

    #[test]
    fn errors_say_file_expected_and_found() {
        for error in image_errors(&file(&[0x803, 2, 2], &[])) {
            assert_eq!(error.to_string(), "some-file: expected a header of 16 bytes, found a file of 12");
        }
        for error in image_errors(&file(&[0x1234_0803, 2, 2, 3], &PIXELS)) {
            assert!(error.to_string().ends_with("found the magic number 0x12340803"), "{error}");
        }
        for error in image_errors(&file(&[0x0a03, 2, 2, 3], &PIXELS)) {
            assert!(error.to_string().contains("0x0e (floats of 32, 64 bits), found 0x0a"), "{error}");
        }
        for error in image_errors(&file(&[0x805, 1, 1, 1, 1, 1], &PIXELS)) {
            assert!(error.to_string().contains("expected 1 to 4 sizes, found 5"), "{error}");
        }
        for error in image_errors(&file(&[0x801, 12], &PIXELS)) {
            assert!(error.to_string().contains("found an array of 12; one size is that of labels"), "{error}");
        }
        let error = labels(file(&[0x803, 2, 2, 3], &PIXELS)).unwrap_err();
        assert!(error.to_string().contains("expected labels, one a sample, found an array of 2×2×3"), "{error}");
        let error = labels(file(&[0x802, 2, 6], &PIXELS)).unwrap_err();
        assert!(error.to_string().contains("QMNIST's N×8 integers of 32 bits, found an array of 2×6"), "{error}");
        for error in image_errors(&file(&[0x804, 1, 5, 7, 5], &[0; 175])) {
            assert!(error.to_string().contains("images of 1 to 4 channels") && error.to_string().contains("1×5×7×5"));
        }
        for error in image_errors(&file(&[0x803, 2, 2, 3], &PIXELS[1..])) {
            assert!(
                error.to_string().contains("expected 28 bytes (2×2×3 numbers of 1 byte and the header), found only 27")
            );
        }
        for error in image_errors(&file(&[0x803, 2, 2, 3], &[0; 13])) {
            assert!(error.to_string().contains("found 29 or more"), "{error}");
        }
        assert!(matches!(labels(Vec::new()), Err(IdxError::TooShort { expected: 8, found: 0, .. })));
        assert!(matches!(labels(gzip(&[])), Err(IdxError::TooShort { expected: 8, found: 0, .. })));
    }

    #[test]
    fn zero_and_absurd_sizes_are_refused() {
        for words in [[0x803, 0, 2, 3], [0x803, 2, 0, 3], [0x803, 2, 2, 0]] {
            for error in image_errors(&file(&words, &PIXELS)) {
                assert!(matches!(error, IdxError::Empty { .. }), "{error}");
            }
        }
        for error in image_errors(&file(&[0x803, 1, 4097, 1], &[0; 4097])) {
            assert!(error.to_string().contains("1 to 4096 rows and columns, found an array of 1×4097×1"), "{error}");
        }
        let [plain, gzipped] = image_errors(&file(&[0x803, u32::MAX, 4096, 4096], &PIXELS));
        assert!(matches!(plain, IdxError::Truncated { .. }));
        assert!(
            matches!(gzipped, IdxError::Impossible { promised, .. } if promised == (u64::from(u32::MAX) << 24) + 16)
        );
    }

    #[test]
    fn a_gzip_bomb_is_cut_off() {
        let raw = gzip(&file(&[0x803, 1, 1, 1], &vec![0; 50_000_000]));
        assert!(matches!(images(raw), Err(IdxError::Oversized { expected: 17, found: 18, .. })));
    }

    #[test]
    fn damaged_gzip_and_what_follows_it_are_refused() {
        let whole = gzip(&file(&[0x803, 2, 2, 3], &PIXELS));
        for length in 2..whole.len() {
            assert!(matches!(images(whole[..length].to_vec()), Err(IdxError::Gzip { .. })), "cut at {length}");
        }
        let mut checksum = whole.clone();
        checksum[whole.len() - 8] ^= 1;
        assert!(matches!(images(checksum), Err(IdxError::Gzip { inflated: 28, .. })));
        for foreign in [&b"x"[..], b"\0\0x"] {
            let followed = [whole.as_slice(), foreign].concat();
            let Err(IdxError::Gzip { inflated: 28, source, .. }) = images(followed) else { panic!("{foreign:?}") };
            assert_eq!(source.to_string(), "what follows the gzip data is no gzip data; remove it (1 bytes)");
        }
    }

    /// As bgzip and `cat` write them (RFC 1952, 2.2).
    #[test]
    fn the_members_of_a_gzip_file_are_read_as_one() {
        let plain = file(&[0x803, 2, 2, 3], &PIXELS);
        for cut in 0..plain.len() {
            let members = [gzip(&plain[..cut]), gzip(&plain[cut..])].concat();
            assert_eq!(inflate(members, "f").unwrap(), plain, "cut at {cut}");
            let padded = [gzip(&plain[..cut]), vec![0; 5], gzip(&plain[cut..]), vec![0; 512]].concat();
            assert_eq!(inflate(padded, "f").unwrap(), plain, "cut at {cut}, padded with zeros as by a tape");
        }
        let twice = [gzip(&plain), gzip(&plain)].concat();
        assert!(matches!(inflate(twice, "f"), Err(IdxError::Oversized { expected: 28, .. })));
    }

    /// The samples of an array.
    fn samples(words: &[u32], data: &[u8], transpose: bool) -> ParsedSamples {
        parse_samples(file(words, data), transpose, "some-file").unwrap()
    }

    #[test]
    fn every_type_is_read_as_its_numbers() {
        let floats = |data: Vec<u8>, code: u32| samples(&[code << 8 | 2, 1, 3], &data, false);
        let wide = |code: u32, bytes: &[&[u8]]| floats(bytes.concat(), code);
        let (values, features) = (Values::Measured, Features::Floats(vec![-1.0, 0.0, 127.0]));
        let expected =
            |dtype, values, features| ParsedSamples { count: 1, shape: Shape::vector(3), values, dtype, features };
        assert_eq!(wide(0x09, &[&[255, 0, 127]]), expected(Dtype::I8, values, features));
        let data = [-2i16, 300, 5].map(i16::to_be_bytes);
        assert_eq!(
            wide(0x0b, &[data.as_flattened()]),
            expected(Dtype::I16, values, Features::Floats(vec![-2.0, 300.0, 5.0]))
        );
        // More than 24 bits, which f32 would round.
        let data = [16_777_217i32, -1, 0].map(i32::to_be_bytes);
        let doubles = Features::Doubles(vec![16_777_217.0, -1.0, 0.0]);
        assert_eq!(wide(0x0c, &[data.as_flattened()]), expected(Dtype::I32, values, doubles));
        let data = [0.1f32, -3.0, 1e30].map(f32::to_be_bytes);
        assert_eq!(
            wide(0x0d, &[data.as_flattened()]),
            expected(Dtype::F32, Values::Scaled, Features::Floats(vec![0.1, -3.0, 1e30]))
        );
        let data = [0.1f64, -3.0, 1e-300].map(f64::to_be_bytes);
        assert_eq!(
            wide(0x0e, &[data.as_flattened()]),
            expected(Dtype::F64, Values::Scaled, Features::Doubles(vec![0.1, -3.0, 1e-300]))
        );
        // Wide integers that are all bytes are bytes.
        let data = [0i32, 255, 7].map(i32::to_be_bytes);
        assert_eq!(
            wide(0x0c, &[data.as_flattened()]),
            expected(Dtype::I32, Values::Bytes, Features::Bytes(vec![0, 255, 7]))
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused_with_their_place() {
        for bad in [f32::NAN, f32::INFINITY, -f32::INFINITY] {
            let data = [1.0f32, bad].map(f32::to_be_bytes);
            let error = images(file(&[0x0d02, 1, 2], data.as_flattened())).unwrap_err();
            assert!(error.to_string().contains("finite") && error.to_string().ends_with("at index 1"), "{error}");
        }
        let error = labels(file(&[0x0d01, 2], [1.0f32, 1.5].map(f32::to_be_bytes).as_flattened())).unwrap_err();
        assert!(error.to_string().ends_with("found 1.5 at index 1"), "{error}");
        let error = labels(file(&[0x0e01, 1], &1e300f64.to_be_bytes())).unwrap_err();
        assert!(error.to_string().ends_with("whole numbers from -9e15 to 9e15, found 1e300 at index 0"), "{error}");
    }

    /// As NumPy's `tofile` writes them on most machines.
    #[test]
    fn numbers_with_their_lowest_byte_first_are_told_as_that() {
        let said = |kind: u32, data: &[u8]| {
            let count = data.len() as u32
                / if kind == 0x0b {
                    2
                } else if kind == 0x0e {
                    8
                } else {
                    4
                };
            images(file(&[kind << 8 | 2, 1, count], data)).map(|_| ()).map_err(|error| error.to_string())
        };
        for (kind, name, data) in [
            (0x0b, ">i2", [0i16, 200, 3, 255].map(i16::to_le_bytes).concat()),
            (0x0c, ">i4", [0i32, 200, 3, 5000].map(i32::to_le_bytes).concat()),
            (0x0d, ">f4", [0.0f32, 1.0, 0.5, 0.25].map(f32::to_le_bytes).concat()),
            (0x0e, ">f8", [0.0f64, 1.0, 0.5, 0.25].map(f64::to_le_bytes).concat()),
        ] {
            let words = said(kind, &data).unwrap_err();
            assert!(words.contains("highest byte first") && words.contains(name), "{words}");
        }
        for (kind, data) in [
            (0x0b, [0i16, 200, 3, 256].map(i16::to_be_bytes).concat()),
            (0x0c, [0i32; 4].map(i32::to_be_bytes).concat()),
            (0x0d, [0.0f32, 1.0, 1e-40, 0.25].map(f32::to_be_bytes).concat()),
            (0x0e, [0.0f64; 4].map(f64::to_be_bytes).concat()),
        ] {
            assert_eq!(said(kind, &data), Ok(()), "{kind:#x}");
        }
        let error = labels(file(&[0x0c01, 3], &[0i32, 1, 2].map(i32::to_le_bytes).concat())).unwrap_err();
        assert!(error.to_string().contains("multiple of 256"), "{error}");
    }

    #[test]
    fn images_are_rows_columns_channels_however_they_lie_in_the_file() {
        // Of one image with 5 rows, 6 columns, 3 channels: 40·row + 5·column + channel.
        let value = |row: u8, column: u8, channel: u8| 40 * row + 5 * column + channel;
        let all = |order: fn(u8, u8, u8) -> (u8, u8, u8), (a, b, c): (u8, u8, u8)| -> Vec<u8> {
            let mut data = Vec::new();
            for (i, j, k) in (0..a).flat_map(|i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k)))) {
                let (row, column, channel) = order(i, j, k);
                data.push(value(row, column, channel));
            }
            data
        };
        let last = all(|r, c, k| (r, c, k), (5, 6, 3));
        let first = all(|k, r, c| (r, c, k), (3, 5, 6));
        let columns_first = all(|c, r, k| (r, c, k), (6, 5, 3));
        let channels_then_columns = all(|k, c, r| (r, c, k), (3, 6, 5));
        for (sizes, data, transpose) in [
            ([1, 5, 6, 3], &last, false),
            ([1, 3, 5, 6], &first, false),
            ([1, 6, 5, 3], &columns_first, true),
            ([1, 3, 6, 5], &channels_then_columns, true),
        ] {
            let [n, a, b, c] = sizes;
            let read = samples(&[0x804, n, a, b, c], data, transpose);
            assert_eq!(read.shape, Shape { channels: 3, height: 5, width: 6 }, "{sizes:?}");
            assert_eq!(read.features, Features::Bytes(last.clone()), "{sizes:?}");
        }
        let on_its_side = samples(&[0x803, 1, 2, 3], &[1, 2, 3, 4, 5, 6], true);
        assert_eq!(on_its_side.shape, Shape { channels: 1, height: 3, width: 2 });
        assert_eq!(on_its_side.features, Features::Bytes(vec![1, 4, 2, 5, 3, 6]));
    }

    #[test]
    fn of_qmnists_labels_the_first_column_is_the_class() {
        let rows: Vec<u8> = [[5i32, 0, 2, 3, 4, 5, 6, 7], [7, 1, 1, 1, 1, 1, 1, 1]]
            .iter()
            .flatten()
            .flat_map(|label| label.to_be_bytes())
            .collect();
        assert_eq!(labels(file(&[0x0c02, 2, 8], &rows)).unwrap(), [5, 7]);
        assert_eq!(labels(file(&[0x802, 2, 1], &[3, 4])).unwrap(), [3, 4]);
        assert_eq!(labels(file(&[0x901, 2], &[255, 4])).unwrap(), [-1, 4]);
    }

    #[test]
    fn garbage_never_panics() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let plain = file(&[0x803, 2, 2, 3], &PIXELS);
        for whole in [plain.clone(), gzip(&plain), file(&[0x801, 12], &PIXELS), gzip(&file(&[0x801, 12], &PIXELS))] {
            for length in 0..whole.len() {
                assert!(images(whole[..length].to_vec()).is_err() && labels(whole[..length].to_vec()).is_err());
            }
            for (at, bit) in (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                let _ = (images(flipped.clone()), labels(flipped));
            }
            for _ in 0..2000 {
                let mut garbage = whole.clone();
                let start = rng.next_u32() as usize % garbage.len();
                rng.fill_bytes(&mut garbage[start..]);
                let _ = (images(garbage.clone()), labels(garbage));
            }
        }
    }
}
