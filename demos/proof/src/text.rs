//! Text forms on machines whose words are shorter than an id.

use idgen_core::text::{Form, TextError, decode, encode};

const FORMS: [Form; 4] = [Form::Decimal, Form::Base32, Form::Base62, Form::Hex];

/// Reads each form of ids on both sides of every power of two.
pub(crate) fn texts_read_back() -> u32 {
    let mut read = 0;
    for bit in 0..64 {
        let edge = 1_u64 << bit;
        for id in [edge - 1, edge, edge | 1, !edge] {
            for form in FORMS {
                assert_eq!(decode(&encode(id, form), form), Ok(id), "{id} in {}", form.name());
            }
            read += 1;
        }
    }
    assert_eq!(&*encode(u64::MAX, Form::Decimal), "18446744073709551615");
    assert_eq!(&*encode(u64::MAX, Form::Base32), "FZZZZZZZZZZZZ");
    assert_eq!(&*encode(u64::MAX, Form::Base62), "LygHa16AHYF");
    assert_eq!(&*encode(0x0123_4567_89ab_cdef, Form::Hex), "0123456789abcdef");
    read
}

/// Refuses what it would not write, and numbers of 65 bits.
pub(crate) fn texts_are_strict() -> u32 {
    let refused = [
        ("18446744073709551616", Form::Decimal, TextError::TooLarge),
        ("G000000000000", Form::Base32, TextError::TooLarge),
        ("LygHa16AHYG", Form::Base62, TextError::TooLarge),
        ("007", Form::Decimal, TextError::LeadingZero),
        ("12", Form::Hex, TextError::Length { form: Form::Hex, found: 2 }),
        ("-1", Form::Decimal, TextError::Character { form: Form::Decimal, byte: b'-', at: 0 }),
    ];
    let mut count = 0;
    for (text, form, error) in refused {
        assert_eq!(decode(text, form), Err(error), "{text}");
        count += 1;
    }
    count
}
