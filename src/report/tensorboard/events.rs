//! Event files of TensorBoard, as far as scalars, histograms and hyperparameters go.
//!
//! A file is a row of records, each `length u64 · crc(length) u32 · data · crc(data) u32`, little-endian, with the masked
//! CRC-32C of TFRecord files. The data is an `Event` in protocol buffers' encoding. Field numbers are those of TensorFlow's
//! `event.proto`, `summary.proto` and `histogram.proto` and of TensorBoard's `plugins/hparams/*.proto`.

/// A message of protocol buffers, being written.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut x: u64) {
        while x >= 0x80 {
            self.0.push(x as u8 | 0x80);
            x >>= 7;
        }
        self.0.push(x as u8);
    }

    fn key(&mut self, field: u32, wire: u32) {
        self.varint(u64::from(field << 3 | wire));
    }

    /// An integer, or an enum.
    pub fn integer(mut self, field: u32, x: u64) -> Self {
        self.key(field, 0);
        self.varint(x);
        self
    }

    /// A double.
    pub fn double(mut self, field: u32, x: f64) -> Self {
        self.key(field, 1);
        self.0.extend(x.to_le_bytes());
        self
    }

    /// A float.
    pub fn float(mut self, field: u32, x: f32) -> Self {
        self.key(field, 5);
        self.0.extend(x.to_le_bytes());
        self
    }

    /// Bytes or text.
    pub fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    /// A message within the message.
    pub fn message(self, field: u32, inner: &Self) -> Self {
        self.bytes(field, &inner.0)
    }

    /// Doubles one after the other.
    pub fn doubles(self, field: u32, values: &[f64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.bytes(field, &bytes)
    }
}

/// The bytes of an event file.
#[derive(Debug)]
pub struct EventFile(Vec<u8>);

impl Default for EventFile {
    fn default() -> Self {
        let mut file = Self(Vec::new());
        file.event(0.0, 0, |event| event.bytes(3, b"brain.Event:2"));
        file
    }
}

impl EventFile {
    /// The file's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A number, at a step and a time in seconds.
    pub fn scalar(&mut self, seconds: f64, step: u64, tag: &str, x: f64) {
        self.value(seconds, step, &Message::default().bytes(1, tag.as_bytes()).float(2, x as f32));
    }

    /// How some numbers are distributed, in 30 bins of equal width.
    pub fn histogram(&mut self, seconds: f64, step: u64, tag: &str, values: &[f64]) {
        const BINS: usize = 30;
        let (min, max) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
        if !(min.is_finite() && max.is_finite()) {
            return;
        }
        let width = ((max - min) / BINS as f64).max(f64::MIN_POSITIVE);
        let mut counts = [0.0; BINS];
        values.iter().for_each(|x| counts[(((x - min) / width) as usize).min(BINS - 1)] += 1.0);
        let limits: Vec<f64> = (1..=BINS).map(|i| min + i as f64 * width).collect();
        let squares: f64 = values.iter().map(|x| x * x).sum();
        let histogram = Message::default().double(1, min).double(2, max).double(3, values.len() as f64);
        let histogram = histogram.double(4, values.iter().sum()).double(5, squares);
        let histogram = histogram.doubles(6, &limits).doubles(7, &counts);
        self.value(seconds, step, &Message::default().bytes(1, tag.as_bytes()).message(5, &histogram));
    }

    /// Something that the HParams view reads: the field of `HParamsPluginData`, and the message in it.
    pub fn hyperparameters(&mut self, tag: &str, field: u32, inner: &Message) {
        let content = Message::default().integer(1, 0).message(field, inner);
        let plugin = Message::default().bytes(1, b"hparams").message(2, &content);
        let metadata = Message::default().message(1, &plugin);
        self.value(0.0, 0, &Message::default().bytes(1, tag.as_bytes()).message(9, &metadata));
    }

    fn value(&mut self, seconds: f64, step: u64, value: &Message) {
        let summary = Message::default().message(1, value);
        self.event(seconds, step, |event| event.message(5, &summary));
    }

    fn event(&mut self, seconds: f64, step: u64, with: impl FnOnce(Message) -> Message) {
        let Message(data) = with(Message::default().double(1, seconds).integer(2, step));
        let length = (data.len() as u64).to_le_bytes();
        self.0.extend(length);
        self.0.extend(masked_crc(&length).to_le_bytes());
        self.0.extend(&data);
        self.0.extend(masked_crc(&data).to_le_bytes());
    }
}

/// CRC-32C (Castagnoli) of some bytes, masked as TFRecord files have it.
fn masked_crc(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
    let crc = !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit));
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // RFC 3720, B.4: 32 bytes of 0 have the CRC-32C 0x8a9136aa.
        let unmasked = |masked: u32| masked.wrapping_sub(0xa282_ead8).rotate_left(15);
        assert_eq!(unmasked(masked_crc(&[0; 32])), 0x8a91_36aa);
        assert_eq!(unmasked(masked_crc(b"123456789")), 0xe306_9283);
    }

    #[test]
    fn messages_are_encoded_as_protocol_buffers_say() {
        // 150 as field 1 is 08 96 01; "testing" as field 2 is 12 07 and the text.
        assert_eq!(Message::default().integer(1, 150).0, [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().bytes(2, b"testing").0, [&[0x12, 0x07][..], b"testing"].concat());
        assert_eq!(Message::default().float(2, 1.0).0, [0x15, 0, 0, 0x80, 0x3f]);
    }
}
