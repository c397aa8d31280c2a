//! DNS: the addresses of a host name.

use std::collections::BTreeSet;

use serde_json::json;

/// A failed lookup of a host name.
#[derive(Debug, thiserror::Error)]
#[error("cannot look up the host name")]
pub(crate) struct LookupFailure(#[source] std::io::Error);

/// Returns `{"ips": […]}`, sorted and without duplicates.
pub(crate) async fn lookup(host: &str) -> Result<Vec<u8>, LookupFailure> {
    // The system's resolver blocks; the runtime runs it on its threads for blocking work.
    let found = tokio::net::lookup_host((host, 0))
        .await
        .map_err(LookupFailure)?;
    let addresses: BTreeSet<String> = found.map(|address| address.ip().to_string()).collect();
    Ok(json!({ "ips": addresses }).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn returns_each_address_once() {
        let response = lookup("127.0.0.1").await.unwrap();
        assert_eq!(response, br#"{"ips":["127.0.0.1"]}"#);
    }

    /// The standard library rejects names that contain NUL before it calls the system's resolver.
    #[tokio::test]
    async fn rejects_names_that_cannot_be_resolved() {
        let LookupFailure(error) = lookup("not\0a-host").await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
