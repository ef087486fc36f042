#![no_std]
//! Bytes to requests and replies to bytes for the binary dialects; no sockets.
