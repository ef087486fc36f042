#![no_std]
//! A lock-free, double-buffered cursor over leased segments of a sequence.
