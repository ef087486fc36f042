//! What the HTTP doors write and read as JSON: every id and bound a string.

use idgen_core::{Id, IdRange};
use idgen_runtime::store::{Alteration, Definition, Order, SequenceInfo};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

use crate::answer::{DecodedId, SequenceView};
use crate::date::iso_date;
use crate::refusal::Refusal;

/// `{"ids":["1","2"]}`.
#[derive(Serialize)]
pub(super) struct IdsJson<'a> {
    ids: Listed<'a>,
}

struct Listed<'a>(&'a [IdRange]);

impl<'a> IdsJson<'a> {
    pub(super) fn new(ranges: &'a [IdRange]) -> Self {
        Self { ids: Listed(ranges) }
    }
}

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for id in self.0.iter().flatten() {
            list.serialize_element(&Id(id))?;
        }
        list.end()
    }
}

/// `{"ranges":[{"start":"1","step":"1","len":"2"}]}`.
#[derive(Serialize)]
pub(super) struct RangesJson<'a> {
    pub(super) ranges: &'a [IdRange],
}

/// One sequence.
#[derive(Serialize)]
pub(super) struct SequenceJson<'a> {
    name: &'a str,
    first: Id,
    increment: Id,
    offset: Id,
    end: Id,
    order: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_to: Option<&'a str>,
}

impl<'a> SequenceJson<'a> {
    /// With `last`, as one server sees it.
    pub(super) fn of_view(view: &'a SequenceView) -> Self {
        let plain = Self::of_definition(view.name.as_str(), &view.definition);
        Self { last: Some(Id(view.last)), ..plain }
    }

    /// With the store's bound and returned tails.
    pub(super) fn of_info(info: &'a SequenceInfo) -> Self {
        let plain = Self::of_definition(info.name.as_str(), &info.definition);
        let (bound, returned) = (Some(Id(info.bound)), Some(Id(info.returned)));
        Self { bound, returned, moved_to: info.moved_to.as_deref(), ..plain }
    }

    /// The settings alone.
    pub(super) fn of_definition(name: &'a str, definition: &Definition) -> Self {
        Self {
            name,
            first: Id(definition.first()),
            increment: Id(definition.increment()),
            offset: Id(definition.offset()),
            end: Id(definition.end()),
            order: definition.order().name(),
            last: None,
            bound: None,
            returned: None,
            moved_to: None,
        }
    }
}

/// All sequences of a store.
#[derive(Serialize)]
pub(super) struct SequencesJson<'a> {
    pub(super) sequences: Vec<SequenceJson<'a>>,
}

/// The highest id that this server was granted.
#[derive(Serialize)]
pub(super) struct MarkJson {
    pub(super) mark: Id,
}

/// What an id says.
#[derive(Serialize)]
pub(super) struct DecodedJson<'a> {
    id: Id,
    layout: &'static str,
    time: String,
    unix_ms: Id,
    tick: Id,
    fields: Fields<'a>,
    sequence: Id,
}

struct Fields<'a>(&'a [(&'static str, u64)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, &Id(*value))?;
        }
        map.end()
    }
}

impl<'a> DecodedJson<'a> {
    pub(super) fn new(decoded: &'a DecodedId) -> Self {
        Self {
            id: Id(decoded.id),
            layout: decoded.layout,
            time: iso_date(decoded.unix_ms),
            unix_ms: Id(decoded.unix_ms),
            tick: Id(decoded.tick),
            fields: Fields(&decoded.fields),
            sequence: Id(decoded.sequence),
        }
    }
}

/// The body of a creation; what is absent has the default of [`Definition`].
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefinitionBody {
    first: Option<Id>,
    increment: Option<Id>,
    offset: Option<Id>,
    end: Option<Id>,
    order: Option<OrderBody>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrderBody {
    Leased,
    Strict,
}

impl From<OrderBody> for Order {
    fn from(order: OrderBody) -> Self {
        match order {
            OrderBody::Leased => Self::Leased,
            OrderBody::Strict => Self::Strict,
        }
    }
}

impl DefinitionBody {
    pub(super) fn definition(&self) -> Result<Definition, Refusal> {
        let usual = Definition::default();
        let given = |id: Option<Id>, default: u64| id.map_or(default, u64::from);
        Definition::new(
            given(self.first, usual.first()),
            given(self.increment, usual.increment()),
            given(self.offset, usual.offset()),
            given(self.end, usual.end()),
            self.order.map_or(usual.order(), Order::from),
        )
        .map_err(|error| Refusal::bad_request(error.to_string()))
    }
}

/// The body of an alteration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlterationBody {
    increment: Option<Id>,
    offset: Option<Id>,
    end: Option<Id>,
    order: Option<OrderBody>,
    above: Id,
}

impl From<AlterationBody> for Alteration {
    fn from(body: AlterationBody) -> Self {
        Self {
            increment: body.increment.map(u64::from),
            offset: body.offset.map(u64::from),
            end: body.end.map(u64::from),
            order: body.order.map(Order::from),
            above: body.above.0,
        }
    }
}

/// The body of an advance or a thaw.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AboveBody {
    pub(super) above: Id,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strings() {
        let ranges = [IdRange::new(9_007_199_254_740_993, 2, 2).unwrap(), IdRange::one(u64::MAX)];
        let list = serde_json::to_string(&IdsJson::new(&ranges)).unwrap();
        assert_eq!(
            list,
            r#"{"ids":["9007199254740993","9007199254740995","18446744073709551615"]}"#
        );
        let short = serde_json::to_string(&RangesJson { ranges: &ranges[1..] }).unwrap();
        assert_eq!(short, r#"{"ranges":[{"start":"18446744073709551615","step":"1","len":"1"}]}"#);
    }

    #[test]
    fn a_definition_may_be_given_in_part() {
        let body: DefinitionBody = serde_json::from_str(r#"{"increment":"5","end":90}"#).unwrap();
        let definition = body.definition().unwrap();
        assert_eq!((definition.first(), definition.increment(), definition.end()), (1, 5, 90));
        for bad in [r#"{"frist":1}"#, r#"{"order":"loose"}"#, r#"{"first":-1}"#, "[]x"] {
            assert!(serde_json::from_str::<DefinitionBody>(bad).is_err(), "{bad}");
        }
        let empty: DefinitionBody = serde_json::from_str(r#"{"increment":0}"#).unwrap();
        assert_eq!(empty.definition().unwrap_err().http_status(), 400);
    }
}
