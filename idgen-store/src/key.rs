//! Names of sequences as parts of keys and paths.
//!
//! Letters, digits, `-` and `_` stand for themselves, every other byte as `%XX`. So no two names
//! share a key, and none holds a slash, a brace, a blank or a dot that a backend could read
//! otherwise. A name of 128 bytes makes a key of 384 at most.

#[cfg(any(
    feature = "etcd",
    feature = "rqlite",
    feature = "summitdb",
    feature = "zookeeper",
    all(test, feature = "conformance")
))]
use crate::Name;

/// The key of a name.
pub(crate) fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The name of a key; `None` for a text that is no key of any name.
#[cfg(any(
    feature = "etcd",
    feature = "rqlite",
    feature = "summitdb",
    feature = "zookeeper",
    all(test, feature = "conformance")
))]
pub(crate) fn decode(key: &str) -> Option<Name> {
    Name::new(&decode_text(key)?).ok()
}

/// The text of any length that was encoded.
pub(crate) fn decode_text(key: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(key.len()), key.bytes());
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    // Each text has one key, so that no name is there twice.
    (encode(&text) == key).then_some(text)
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_mean_something_is_encoded() {
        assert_eq!(encode("Orders_2-x"), "Orders_2-x");
        assert_eq!(encode("../a b\0%"), "%2E%2E%2Fa%20b%00%25");
        for wrong in ["", "a/b", "a%2f", "%41", "%4", "%", "%FF", "a.b"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(text in "\\PC{1,40}|.{1,30}|[ -~]{1,128}") {
            let Ok(name) = Name::new(&text) else { return Ok(()) };
            let key = encode(name.as_str());
            prop_assert!(key.len() <= 384);
            prop_assert_eq!(decode(&key), Some(name));
        }
    }
}
