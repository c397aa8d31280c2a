//! Free ports for servers whose port must be known before they start.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context as _, Result};

/// The first port of the range. The range ends below the ports that Linux uses for outgoing
/// connections (32768 and up): one of those could take a port between the check and the bind of the
/// server.
const FIRST: u16 = 20_000;
/// The number of ports.
const COUNT: u16 = 12_000;

/// Returns an unused loopback address that this process has not returned before.
///
/// # Errors
/// If all ports of the range are in use.
pub fn free() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    (0..COUNT)
        .map(|_| candidate(NEXT.fetch_add(1, Ordering::Relaxed)))
        .find(|address| TcpListener::bind(address).is_ok())
        .context("no free port on the loopback interface")
}

/// Returns the address for an attempt. Concurrent processes start at different ports of the range.
fn candidate(attempt: u16) -> SocketAddr {
    let start = std::process::id().wrapping_mul(97);
    let offset = start.wrapping_add(u32::from(attempt)) % u32::from(COUNT);
    let port = FIRST + u16::try_from(offset).unwrap_or_default();
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
