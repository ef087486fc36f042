//! The list of planted defects, as it stands in `xtask/mutants.toml`.

use std::fmt;
use std::path::Path;

/// Where the list stands, from the workspace's folder.
pub(super) const LIST: &str = "xtask/mutants.toml";

/// Defects that no test can see may be listed with the reason, so many at most.
const MOST_BLIND: usize = 3;

/// How the test that has to see a defect is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// As the project is built.
    Ordinary,
    /// Under the model checker.
    Loom,
}

/// The tests of one package that are built into one program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    pub(super) kind: Kind,
    /// Its folder, in this workspace or with one of its own.
    pub(super) package: String,
    /// What is switched on, separated by commas.
    pub(super) features: String,
    /// The name of an integration test, or `lib`.
    pub(super) name: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.name)
    }
}

/// One defect: a text in a file, what to put in its place, and who has to notice.
#[derive(Clone, Debug)]
pub(super) struct Mutant {
    pub(super) name: String,
    pub(super) file: String,
    find: String,
    replace: String,
    pub(super) target: Target,
    /// The test, by its whole name; all tests of the target if there is none.
    pub(super) filter: Option<String>,
    /// Why no test can see it.
    pub(super) blind: Option<String>,
}

impl Mutant {
    /// An entry of the list, with nothing missing and nothing unknown.
    fn of(entry: &toml::Table) -> Result<Self, String> {
        const KEYS: [&str; 10] = [
            "name", "file", "find", "replace", "kind", "package", "features", "target", "filter",
            "blind",
        ];
        let word = |key: &str| entry.get(key).and_then(toml::Value::as_str).map(str::to_owned);
        let name = word("name").ok_or("an entry has no name; give it one")?;
        if let Some(key) = entry.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("{name}: nothing is called {key}; known are {}", KEYS.join(", ")));
        }
        let needed = |key: &str| word(key).ok_or_else(|| format!("{name}: add {key} = \"...\""));
        let kind = match needed("kind")?.as_str() {
            "loom" => Kind::Loom,
            "ordinary" => Kind::Ordinary,
            other => return Err(format!("{name}: kind is loom or ordinary, not {other}")),
        };
        let target = Target {
            kind,
            package: needed("package")?,
            features: word("features").unwrap_or_default(),
            name: needed("target")?,
        };
        Ok(Self {
            file: needed("file")?,
            find: needed("find")?,
            replace: needed("replace")?,
            target,
            filter: word("filter"),
            blind: word("blind"),
            name,
        })
    }

    /// The text with the defect; an error unless the place is there exactly once.
    pub(super) fn applied(&self, text: &str) -> Result<String, String> {
        let Self { name, file, find, replace, .. } = self;
        if find == replace {
            return Err(format!("{name}: find and replace are the same"));
        }
        match text.matches(find.as_str()).count() {
            1 => Ok(text.replacen(find.as_str(), replace, 1)),
            0 => Err(format!("{name}: {file} no longer has its text; adapt the entry in {LIST}")),
            times => Err(format!("{name}: {file} has its text {times} times; lengthen it")),
        }
    }
}

/// The list of a workspace, every entry of which still applies.
pub(super) fn read(root: &Path) -> Result<Vec<Mutant>, String> {
    let text = |path: &str| {
        let told = |error| format!("cannot read {path}: {error}");
        std::fs::read_to_string(root.join(path)).map_err(told)
    };
    let mutants = parse(&text(LIST)?)?;
    let fails = |mutant: &Mutant| mutant.applied(&text(&mutant.file)?).map(|_| ());
    let errors: Vec<String> = mutants.iter().filter_map(|mutant| fails(mutant).err()).collect();
    if errors.is_empty() { Ok(mutants) } else { Err(errors.join("\n")) }
}

fn parse(text: &str) -> Result<Vec<Mutant>, String> {
    let table: toml::Table = text.parse().map_err(|error| format!("{LIST}: {error}"))?;
    let entries = table.get("mutant").and_then(toml::Value::as_array);
    let entries = entries.ok_or_else(|| format!("{LIST} has no [[mutant]]"))?;
    let mutants = entries
        .iter()
        .map(|entry| Mutant::of(entry.as_table().ok_or("every mutant is a table")?))
        .collect::<Result<Vec<Mutant>, String>>()?;
    for (at, mutant) in mutants.iter().enumerate() {
        if mutants[..at].iter().any(|earlier| earlier.name == mutant.name) {
            return Err(format!("{}: listed twice; name it otherwise", mutant.name));
        }
    }
    let blind = mutants.iter().filter(|mutant| mutant.blind.is_some()).count();
    if blind > MOST_BLIND {
        return Err(format!("{blind} defects are blind, {MOST_BLIND} at most may be: write tests"));
    }
    Ok(mutants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root;

    const ENTRY: &str = "[[mutant]]\nname = \"a\"\nfile = \"f\"\nfind = \"one\"\n\
        replace = \"two\"\nkind = \"loom\"\npackage = \"p\"\ntarget = \"loom\"\n";

    #[test]
    fn every_entry_of_the_list_still_applies() {
        let mutants = read(root()).unwrap_or_else(|error| panic!("{error}"));
        let seen = mutants.iter().filter(|mutant| mutant.blind.is_none()).count();
        assert!(seen >= 18, "{seen} defects are too few");
    }

    #[test]
    fn every_named_test_is_there() {
        for mutant in read(root()).unwrap() {
            let Target { package, name, .. } = &mutant.target;
            let target = if name == "lib" { "src".into() } else { format!("tests/{name}.rs") };
            assert!(root().join(package).join(&target).exists(), "{package}/{target}");
        }
    }

    #[test]
    fn a_text_must_be_there_exactly_once() {
        let mutant = parse(ENTRY).unwrap().remove(0);
        assert_eq!(mutant.applied("one and 2").unwrap(), "two and 2");
        assert!(mutant.applied("1 and 2").unwrap_err().contains("no longer has its text"));
        assert!(mutant.applied("one one").unwrap_err().contains("2 times"));
    }

    #[test]
    fn entries_are_whole_and_hold_nothing_unknown() {
        assert!(parse(&ENTRY.replace("find", "fund")).unwrap_err().contains("fund"));
        assert!(parse(&ENTRY.replace("file = \"f\"\n", "")).unwrap_err().contains("add file"));
        assert!(parse(&ENTRY.replace("\"loom\"\npackage", "\"x\"\npackage")).is_err());
        assert!(parse(&format!("{ENTRY}{ENTRY}")).unwrap_err().contains("listed twice"));
        assert!(parse("").is_err());
    }

    #[test]
    fn few_may_be_blind() {
        let blind = |n: usize| ENTRY.replace("\"a\"", &format!("\"{n}\"\nblind = \"why\""));
        let list = |len: usize| (0..len).map(blind).collect::<String>();
        assert_eq!(parse(&list(MOST_BLIND)).unwrap().len(), MOST_BLIND);
        assert!(parse(&list(MOST_BLIND + 1)).is_err());
    }
}
