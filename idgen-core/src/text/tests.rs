//! Every form there and back, its edges and its errors.

use super::*;
use proptest::prelude::*;
use std::format;
use std::string::ToString;

const FORMS: [Form; 4] = [Form::Decimal, Form::Base32, Form::Base62, Form::Hex];

fn edges() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), (0_u32..64).prop_map(|bit| 1_u64 << bit), 0_u64..2000]
}

proptest! {
    #[test]
    fn one_id_one_text(id in edges()) {
        for form in FORMS {
            let text = encode(id, form);
            prop_assert_eq!(decode(&text, form), Ok(id));
        }
        prop_assert_eq!(&*encode(id, Form::Decimal), id.to_string());
        prop_assert_eq!(&*encode(id, Form::Hex), format!("{id:016x}"));
    }

    #[test]
    fn fixed_forms_sort_like_numbers(a in any::<u64>(), b in any::<u64>()) {
        for form in [Form::Base32, Form::Base62, Form::Hex] {
            let (text_a, text_b) = (encode(a, form), encode(b, form));
            prop_assert_eq!(a.cmp(&b), text_a.as_bytes().cmp(text_b.as_bytes()));
        }
    }

    #[test]
    fn strict_whatever_comes(text in "[0-9A-Za-z +-]{0,21}") {
        for form in FORMS {
            if let Ok(id) = decode(&text, form) {
                prop_assert_eq!(&*encode(id, form), &text);
            }
        }
    }
}

/// Every pair of digits at every place, among zeros and among nines.
#[test]
fn every_pair_at_every_place() {
    let text = |digits: u64| (digits + 0x3030_3030_3030_3030).to_le_bytes();
    for pair in 0..100 {
        for scale in [1, 100, 10_000, 1_000_000] {
            for others in [0, 99_999_999 - 99 * scale] {
                let number = pair * scale + others;
                let expected = format!("{number:08}");
                assert_eq!(&text(decimal::eight_digits(number)), expected.as_bytes());
            }
        }
    }
    for number in 0..10_000 {
        let expected = format!("{number:04}0000");
        assert_eq!(&text(decimal::four_digits(number)), expected.as_bytes());
    }
}

/// Every letter at every place, and every byte that is none.
#[test]
fn base32_knows_every_letter_at_every_place() {
    for at in 0..13 {
        for byte in 0..=127_u8 {
            let mut text = [b'7'; 13];
            text[at] = byte;
            let text = core::str::from_utf8(&text).expect("ASCII");
            let found = decode(text, Form::Base32);
            let alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
            let expected = match alphabet.find(char::from(byte)) {
                None => Err(TextError::Character { form: Form::Base32, byte, at }),
                Some(value) if at == 0 && value > 15 => Err(TextError::TooLarge),
                Some(value) => {
                    let place = 60 - 5 * at;
                    Ok(0x739c_e739_ce73_9ce7 & !(31 << place) | (value as u64) << place)
                }
            };
            assert_eq!(found, expected, "{text}");
            if let Ok(id) = found {
                assert_eq!(&*encode(id, Form::Base32), text);
            }
        }
    }
}

#[test]
fn the_first_number_too_large_is_refused() {
    let max_plus_one = [
        ("18446744073709551616", Form::Decimal),
        ("G000000000000", Form::Base32),
        ("LygHa16AHYG", Form::Base62),
    ];
    for (text, form) in max_plus_one {
        assert_eq!(decode(text, form), Err(TextError::TooLarge), "{text}");
    }
    assert_eq!(decode("ffffffffffffffff", Form::Hex), Ok(u64::MAX));
}

#[test]
fn errors_name_the_cause() {
    let error = decode("00000000000O0", Form::Base32).unwrap_err();
    assert_eq!(error, TextError::Character { form: Form::Base32, byte: b'O', at: 11 });
    assert_eq!(error.to_string(), "byte 0x4f at 11 is no digit of base32");
    let error = decode("", Form::Decimal).unwrap_err();
    assert_eq!(error.to_string(), "an id in dec has 1 to 20 characters, this text has 0");
    let error = decode("abc", Form::Hex).unwrap_err();
    assert_eq!(error.to_string(), "an id in hex has 16 characters, this text has 3");
}
