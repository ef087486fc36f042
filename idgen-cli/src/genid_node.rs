//! Which node of GenID a server is: zone and data centre told, the machine told or leased.
//!
//! All nodes are of the one id space `genid`, and zone, dc and machine together are the worker id.
//! So two servers on one registry that were told the same three cannot both hold it, and one whose
//! machine is leased takes any of the eight under its zone and dc that is free.

use std::ops::RangeInclusive;

use idgen_runtime::SnowflakeSettings;
use idgen_snowflake::{Layout, Preset};
use idgen_store::Wish;

use crate::failure::Failure;

/// The layout of the GenID door.
const GENID: &str = "genid";

/// The preset of the GenID door.
pub(crate) fn genid_preset() -> Result<&'static Preset, Failure> {
    Ok(Preset::named(GENID)?)
}

/// A node of GenID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GenidNode {
    pub(crate) zone: u64,
    pub(crate) dc: u64,
    /// `None`: any that is free.
    pub(crate) machine: Option<u64>,
}

impl GenidNode {
    /// What the GenID door says of itself.
    pub(crate) fn words(&self) -> String {
        let Self { zone, dc, machine } = self;
        let machine = machine.map_or("leased".to_owned(), |machine| machine.to_string());
        format!("GenID, zone {zone}, dc {dc}, machine {machine}")
    }

    /// The worker ids that the node may have.
    ///
    /// # Errors
    ///
    /// A field is larger than the layout holds.
    pub(crate) fn ids(&self, layout: &Layout) -> Result<RangeInclusive<u64>, Failure> {
        let last = layout.fields().iter().find(|field| field.name() == "machine");
        let (first, last) = match self.machine {
            Some(machine) => (machine, machine),
            None => (0, last.map_or(0, idgen_snowflake::Field::max)),
        };
        let worker = |machine: u64| {
            let nodes = [("zone", self.zone), ("dc", self.dc), ("machine", machine)];
            layout.worker(&nodes).map_err(|error| Failure::usage(error.to_string()))
        };
        // The machine is the lowest of the three, so that its ids are neighbours.
        Ok(worker(first)?..=worker(last)?)
    }

    /// Wishes for the node's worker ids.
    pub(crate) fn wish(&self, settings: &mut SnowflakeSettings) -> Result<(), Failure> {
        settings.ids = self.ids(&settings.layout)?;
        if self.machine.is_some() {
            settings.wish = Wish::Exactly(*settings.ids.start());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leased_machine_is_any_of_its_zone_and_dc() {
        let layout = &genid_preset().unwrap().layout;
        let node = |machine| GenidNode { zone: 3, dc: 1, machine };
        assert_eq!(node(Some(2)).ids(layout).unwrap(), 202..=202);
        assert_eq!(node(None).ids(layout).unwrap(), 200..=207);
        assert!(GenidNode { zone: 32, dc: 0, machine: None }.ids(layout).is_err());
        assert_eq!(node(None).words(), "GenID, zone 3, dc 1, machine leased");
    }
}
