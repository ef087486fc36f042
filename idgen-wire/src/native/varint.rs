//! Numbers in seven bits a byte, the low ones first; each number has one form, its shortest.

/// The longest form, in bytes.
pub(super) const MAX: usize = 10;

/// Writes a number to the front of a buffer and tells the form's length.
pub(super) fn put(mut value: u64, buffer: &mut [u8; MAX]) -> usize {
    for (index, place) in buffer.iter_mut().enumerate() {
        let low = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if value == 0 {
            *place = low;
            return index + 1;
        }
        *place = low | 0x80;
    }
    MAX
}

/// Takes a number off the front of `bytes`; `None` if there is none in its shortest form.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for index in 0..MAX {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        // The tenth byte has room for one bit.
        if index == MAX - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            let is_shortest = byte > 0 || index == 0;
            return is_shortest.then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(value: u64) -> ([u8; MAX], usize) {
        let mut buffer = [0; MAX];
        let len = put(value, &mut buffer);
        (buffer, len)
    }

    #[test]
    fn lengths_grow_with_the_number() {
        for (value, len) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (u64::MAX, 10)] {
            assert_eq!(form(value).1, len, "{value}");
        }
    }

    #[test]
    fn only_the_shortest_form_is_read() {
        for wrong in [&[][..], &[0x80], &[0x80, 0], &[0xff, 0x80, 0]] {
            assert_eq!(take(&mut &*wrong), None, "{wrong:?}");
        }
        let mut past = [0xff; MAX];
        past[MAX - 1] = 2;
        assert_eq!(take(&mut &past[..]), None, "2^64 and more");
        assert_eq!(take(&mut &[0xff; 11][..]), None, "no end");
    }

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, shift in 0..64) {
            let value = value >> shift;
            let (buffer, len) = form(value);
            let mut bytes = &buffer[..len];
            prop_assert_eq!(take(&mut bytes), Some(value));
            prop_assert!(bytes.is_empty());
        }

        #[test]
        fn what_is_read_is_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut rest = &bytes[..];
            if let Some(value) = take(&mut rest) {
                let (buffer, len) = form(value);
                prop_assert_eq!(&buffer[..len], &bytes[..bytes.len() - rest.len()]);
            }
        }
    }
}
