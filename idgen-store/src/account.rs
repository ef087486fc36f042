//! What a store says of itself and one of its sequences at one moment.

use crate::{Lease, SequenceInfo, StoreIdentity};

/// One store's account of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which store it is.
    pub identity: StoreIdentity,
    /// The sequence as it stands there.
    pub info: SequenceInfo,
}

/// A lease as the one store that granted it knows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Share {
    /// The lease, under that store's own serial.
    pub lease: Lease,
    /// The store's account, read after the grant.
    pub account: Account,
}
