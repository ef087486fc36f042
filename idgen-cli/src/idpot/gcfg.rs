//! The form of idpot's configuration file: gcfg, which is nearly git's own.
//!
//! Sections in brackets, `name = value` below them, comments from `;` or `#` to the end of the
//! line. Names are compared without case. A value may be quoted, whole or in part; inside quotes
//! blanks and comment signs stand for themselves, and `\\`, `\"`, `\n` and `\t` mean what they do
//! in C, as they do outside. A backslash at the end of a line goes on with the next one.
//! Subsections (`[name "sub"]`) are understood as names of their own.

use std::iter::Peekable;
use std::str::Chars;

/// One variable of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// The line that it begins on, counted from 1.
    pub(super) line: usize,
    /// In lower case; a subsection stands behind a dot, as it is.
    pub(super) section: String,
    /// In lower case.
    pub(super) name: String,
    /// `None` for a name without an equals sign.
    pub(super) value: Option<String>,
}

/// What is wrong, and on which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) line: usize,
    pub(super) what: &'static str,
}

/// The variables of a file, in its order.
pub(super) fn parse(text: &str) -> Result<Vec<Variable>, Flaw> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { rest: text.chars().peekable(), line: 1 };
    let (mut variables, mut section) = (Vec::new(), None);
    while let Some(sign) = reader.first_of_line() {
        match sign {
            '[' => section = Some(reader.section()?),
            sign if sign.is_alphabetic() => {
                let Some(section) = &section else {
                    return Err(reader.flaw("a variable stands before the first [section]"));
                };
                variables.push(reader.variable(section)?);
            }
            _ => return Err(reader.flaw("a name begins with a letter")),
        }
    }
    Ok(variables)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn flaw(&self, what: &'static str) -> Flaw {
        Flaw { line: self.line, what }
    }

    /// The next sign; a line that ends in CR LF ends in LF.
    fn next(&mut self) -> Option<char> {
        let mut sign = self.rest.next();
        if sign == Some('\r') && self.rest.peek() == Some(&'\n') {
            sign = self.rest.next();
        }
        self.line += usize::from(sign == Some('\n'));
        sign
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    /// What stands behind blanks, empty lines and comments; it is not taken.
    fn first_of_line(&mut self) -> Option<char> {
        loop {
            match self.peek()? {
                ';' | '#' => while self.next().is_some_and(|sign| sign != '\n') {},
                sign if sign.is_whitespace() => {
                    self.next();
                }
                sign => return Some(sign),
            }
        }
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|sign| sign == ' ' || sign == '\t') {
            self.next();
        }
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(sign) = self.peek().filter(|sign| sign.is_alphanumeric() || *sign == '-') {
            name.extend(sign.to_lowercase());
            self.next();
        }
        name
    }

    /// `[name]` or `[name "sub"]`.
    fn section(&mut self) -> Result<String, Flaw> {
        self.next();
        self.blanks();
        let mut section = self.name();
        if section.is_empty() {
            return Err(self.flaw("a section's name begins with a letter"));
        }
        self.blanks();
        if self.peek() == Some('"') {
            self.next();
            section.push('.');
            self.quoted(&mut section)?;
            self.blanks();
        }
        match self.next() {
            Some(']') => Ok(section),
            _ => Err(self.flaw("a section's name is not closed by ]")),
        }
    }

    fn variable(&mut self, section: &str) -> Result<Variable, Flaw> {
        let (line, name) = (self.line, self.name());
        self.blanks();
        let value = match self.peek() {
            Some('=') => {
                self.next();
                self.blanks();
                Some(self.value()?)
            }
            None | Some('\r' | '\n' | ';' | '#') => None,
            Some(_) => return Err(self.flaw("there is no = behind a name")),
        };
        Ok(Variable { line, section: section.to_owned(), name, value })
    }

    /// What stands behind the equals sign, without blanks at its end unless they are quoted.
    fn value(&mut self) -> Result<String, Flaw> {
        let (mut value, mut kept) = (String::new(), 0);
        while let Some(sign) = self.peek().filter(|sign| !matches!(sign, '\n' | ';' | '#')) {
            self.next();
            match sign {
                '"' => self.quoted(&mut value)?,
                '\\' => value.extend(self.escaped()?),
                '\r' if self.peek() == Some('\n') => break,
                sign => {
                    value.push(sign);
                    if sign.is_whitespace() {
                        continue;
                    }
                }
            }
            kept = value.len();
        }
        value.truncate(kept);
        Ok(value)
    }

    /// The rest of what a quotation mark has begun.
    fn quoted(&mut self, value: &mut String) -> Result<(), Flaw> {
        loop {
            match self.next() {
                Some('"') => return Ok(()),
                Some('\\') => value.extend(self.escaped()?),
                Some('\n') | None => return Err(self.flaw("a quotation mark is not closed")),
                Some(sign) => value.push(sign),
            }
        }
    }

    /// What a backslash means; nothing at the end of a line.
    fn escaped(&mut self) -> Result<Option<char>, Flaw> {
        match self.next() {
            Some('\n') => Ok(None),
            Some('n') => Ok(Some('\n')),
            Some('t') => Ok(Some('\t')),
            Some(sign @ ('\\' | '"')) => Ok(Some(sign)),
            _ => Err(self.flaw("a backslash stands before another sign than \\, \", n or t")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(text: &str) -> String {
        let mut variables = parse(&format!("[s]\nv ={text}")).unwrap();
        assert_eq!(variables.len(), 1, "{text}");
        variables.remove(0).value.unwrap()
    }

    fn flaw_of(text: &str) -> (usize, &'static str) {
        let flaw = parse(text).unwrap_err();
        (flaw.line, flaw.what)
    }

    #[test]
    fn sections_and_names_have_no_case() {
        let text =
            "; idpot\r\n[SERVER]\r\nLogFile=a # here\r\n\n[ mysql ] port = 1\nflag\n[a \"B c\"]x=";
        let found: Vec<_> = parse(text)
            .unwrap()
            .into_iter()
            .map(|of| format!("{} {} {} {:?}", of.line, of.section, of.name, of.value))
            .collect();
        let expected = [
            "3 server logfile Some(\"a\")",
            "5 mysql port Some(\"1\")",
            "6 mysql flag None",
            "7 a.B c x Some(\"\")",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn values_are_trimmed_unquoted_and_unescaped() {
        let pairs = [
            ("  a b \t ; c", "a b"),
            ("u:p@tcp(h:1)/d", "u:p@tcp(h:1)/d"),
            ("\"a;#\" b", "a;# b"),
            ("\" a \"  ", " a "),
            (r#"a\"b\\c\td"#, "a\"b\\c\td"),
            ("a\\\n  b", "a  b"),
            ("a\\\r\nb\r\n", "ab"),
            ("p\"#\"w", "p#w"),
            ("", ""),
        ];
        for (text, value) in pairs {
            assert_eq!(value_of(text), value, "{text:?}");
        }
    }

    #[test]
    fn flaws_are_told_with_their_line() {
        assert_eq!(flaw_of("a = 1"), (1, "a variable stands before the first [section]"));
        assert_eq!(flaw_of("\n[a\n"), (3, "a section's name is not closed by ]"));
        assert_eq!(flaw_of("[]"), (1, "a section's name begins with a letter"));
        assert_eq!(flaw_of("[a]\nb c"), (2, "there is no = behind a name"));
        assert_eq!(flaw_of("[a]\n1 = 2"), (2, "a name begins with a letter"));
        assert_eq!(flaw_of("[a]\nb = \"c\nd"), (3, "a quotation mark is not closed"));
        assert!(flaw_of("[a]\nb = \\x").1.contains("backslash"));
    }
}
