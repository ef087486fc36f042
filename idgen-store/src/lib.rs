//! Where leases are recorded.
