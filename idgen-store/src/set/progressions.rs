//! How a progression is shared out among stores, and whether two could meet.

use crate::{Definition, Durability, Name, Order, StoreError, StoreIdentity};

/// Two stores' parts, each with the store's place.
type Placed<'a> = (&'a Definition, &'a str);

/// The part of `of` that the store at place `at` of `count` leases: every `count`-th number.
pub(super) fn part(of: &Definition, at: u64, count: u64) -> Result<Definition, StoreError> {
    let refused = |why: String| StoreError::Refused(format!("over {count} stores, {why}"));
    if of.order() == Order::Strict {
        return Err(refused(
            "ids cannot rise over all nodes in strict order; name one store".to_owned(),
        ));
    }
    let shared = |at: u64| {
        let increment = of.increment().checked_mul(count)?;
        let offset = of.offset().checked_add(at.checked_mul(of.increment())?)?;
        Some((increment, offset))
    };
    let (increment, offset) =
        shared(at).ok_or_else(|| refused(format!("increment {} is too large", of.increment())))?;
    Definition::new(of.first(), increment, offset, of.end(), of.order())
        .map_err(|error| refused(error.to_string()))
}

fn gcd(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// The closest progression that all parts lie in.
pub(super) fn whole(parts: &[Definition]) -> Result<Definition, StoreError> {
    let [first, others @ ..] = parts else {
        return Err(StoreError::Damaged("a sequence has no part in any store".to_owned()));
    };
    let increment = others.iter().fold(first.increment(), |increment, part| {
        let apart = part.offset().abs_diff(first.offset());
        gcd(gcd(increment, part.increment()), apart)
    });
    let lowest = parts.iter().map(Definition::first).min().unwrap_or(1);
    let end = parts.iter().map(Definition::end).max().unwrap_or(u64::MAX);
    Definition::new(lowest, increment, first.offset(), end, first.order())
        .map_err(|error| StoreError::Damaged(format!("the parts of a sequence are none: {error}")))
}

/// Refuses two parts that could grant the same id, or count in different steps.
pub(super) fn check_apart(
    name: &Name,
    (one, here): Placed<'_>,
    (other, there): Placed<'_>,
) -> Result<(), StoreError> {
    let refused = |why: &str| {
        Err(StoreError::Refused(format!(
            "sequence '{name}' {why}: increment {}, offset {} in {here}, increment {}, offset {} \
             in {there}; alter it in one of them above every id issued",
            one.increment(),
            one.offset(),
            other.increment(),
            other.offset()
        )))
    };
    if one.order() == Order::Strict || other.order() == Order::Strict {
        return Err(StoreError::Refused(format!(
            "sequence '{name}' is of strict order in {here} or {there}, which several stores \
             cannot keep; name one store"
        )));
    }
    if one.increment() != other.increment() {
        return refused("has different increments");
    }
    if one.offset() == other.offset() {
        return refused("would meet itself");
    }
    Ok(())
}

/// The identity of a set: made of all.
pub(super) fn identity(all: &[StoreIdentity]) -> StoreIdentity {
    let join =
        |of: &dyn Fn(&StoreIdentity) -> String| all.iter().map(of).collect::<Vec<_>>().join(" + ");
    let may_lose = all.iter().find_map(|one| match &one.durability {
        Durability::MayLose(why) => Some(Durability::MayLose(format!("{}: {why}", one.id))),
        Durability::Keeps => None,
    });
    StoreIdentity {
        backend: "set",
        id: join(&|one| format!("{}:{}", one.backend, one.id)),
        incarnation: join(&|one| one.incarnation.clone()),
        durability: may_lose.unwrap_or(Durability::Keeps),
        ceiling: all.iter().map(|one| one.ceiling).min().unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(increment: u64, offset: u64) -> Definition {
        Definition::new(1, increment, offset, u64::MAX, Order::Leased).unwrap()
    }

    #[test]
    fn parts_make_the_whole_again() {
        for (increment, offset, count) in [(1, 0, 2), (3, 2, 4), (10, 7, 3)] {
            let parts: Vec<_> =
                (0..count).map(|at| part(&of(increment, offset), at, count).unwrap()).collect();
            assert_eq!(whole(&parts).unwrap(), of(increment, offset));
            for (at, one) in parts.iter().enumerate() {
                for other in &parts[..at] {
                    let name = Name::new("orders").unwrap();
                    check_apart(&name, (one, "here"), (other, "there")).unwrap();
                }
            }
        }
        assert_eq!(whole(&[of(10, 3), of(10, 7)]).unwrap(), of(2, 1));
        assert!(part(&of(u64::MAX / 2, 0), 0, 3).is_err());
    }

    #[test]
    fn parts_that_could_meet_are_named() {
        let name = Name::new("orders").unwrap();
        let said = |one, other| {
            check_apart(&name, (&one, "here"), (&other, "there")).unwrap_err().to_string()
        };
        assert!(said(of(2, 1), of(2, 1)).contains("would meet itself"));
        let different = said(of(2, 1), of(4, 2));
        assert!(different.contains("different increments"), "{different}");
        assert!(different.contains("here") && different.contains("there"), "{different}");
    }
}
