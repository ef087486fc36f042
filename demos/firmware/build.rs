//! Links for the machine that the target stands for.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=memory");
    let target = std::env::var("TARGET").unwrap_or_default();
    let board = target.split('-').next().unwrap_or_default();
    let memory = Path::new("memory").join(board).with_extension("x");
    if !memory.exists() {
        println!("cargo:error=no board for {target}; build for thumbv6m- or thumbv7m-none-eabi");
        return;
    }
    let out = std::env::var("OUT_DIR").expect("cargo names it");
    std::fs::copy(&memory, Path::new(&out).join("memory.x")).expect("cargo's folder is writable");
    println!("cargo:rustc-link-search={out}");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
}
