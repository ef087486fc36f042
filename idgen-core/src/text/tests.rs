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
