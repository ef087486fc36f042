#![no_std]
//! Time-ordered 64-bit ids from leased time: one atomic word, guards against clocks that go back.
