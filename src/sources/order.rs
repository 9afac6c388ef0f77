//! The order of a user's own files. People sort files by class, by place, by day; a split that is cut from such a file
//! would hold other classes, places and days than the rest. So each file's rows are permuted once, the same way for every
//! seed and by the number of rows alone: stream `split`, seed 0.

use std::sync::Arc;

use super::samples::{Features, FileSamples};
use crate::random::{shuffle, stream};

/// The samples of a file, whose rows have so many values, in the order in which splits are cut from it.
pub fn permuted(mut features: Features, mut labels: Vec<u8>, length: usize) -> FileSamples {
    let mut rows: Vec<u32> = (0..labels.len() as u32).collect();
    shuffle(&mut rows, &mut stream(0, "split"));
    match &mut features {
        Features::Bytes(values) => take_rows(values, length, &rows),
        Features::Floats(values) => take_rows(values, length, &rows),
        Features::Doubles(values) => take_rows(values, length, &rows),
    }
    take_rows(&mut labels, 1, &rows);
    FileSamples { features: Arc::new(features), labels, rows }
}

/// Row i becomes what row `rows[i]` was, in place: a data set is large, and each row of a cycle has to be moved once.
fn take_rows<T: Copy>(values: &mut [T], length: usize, rows: &[u32]) {
    let mut is_done = vec![false; rows.len()];
    for start in 0..rows.len() {
        if is_done[start] {
            continue;
        }
        let first = values[start * length..][..length].to_vec();
        let mut to = start;
        loop {
            is_done[to] = true;
            let from = rows[to] as usize;
            if from == start {
                values[to * length..][..length].copy_from_slice(&first);
                break;
            }
            values.copy_within(from * length..(from + 1) * length, to * length);
            to = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_keeps_its_label_and_says_its_row() {
        for count in [1u8, 2, 3, 10, 200] {
            let features: Vec<f32> = (0..count).flat_map(|i| [f32::from(i), -f32::from(i)]).collect();
            let samples = permuted(Features::Floats(features), (0..count).collect(), 2);
            let Features::Floats(features) = &*samples.features else { unreachable!("floats stay floats") };
            for (i, label) in samples.labels.iter().enumerate() {
                assert_eq!(features[2 * i..2 * i + 2], [f32::from(*label), -f32::from(*label)]);
                assert_eq!(samples.rows[i], u32::from(*label));
            }
            let mut sorted = samples.rows.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..u32::from(count)));
        }
    }

    #[test]
    fn the_order_never_changes() {
        // Pinned: if it changes, so does every result from a user's own files.
        let samples = permuted(Features::Bytes(vec![0; 8]), vec![0; 8], 1);
        assert_eq!(samples.rows, [3, 6, 0, 7, 5, 2, 1, 4]);
    }
}
