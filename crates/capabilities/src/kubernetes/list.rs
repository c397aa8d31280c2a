//! Lists of objects, streamed page by page from the API server into the bytes for the guest.

use kube::Client;
use kube::api::{ListParams, Request};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::failure::KubernetesFailure;
use super::field_mask::{FieldMask, strip_bookkeeping};
use super::requests::ListAll;

/// Objects in a page, which are in memory as values at the same time.
const PAGE_ITEMS: u32 = 250;
/// Bytes of a list. A larger list would not fit into the memory of a guest.
const MAX_LIST_BYTES: usize = 64 << 20;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    items: Option<Vec<Map<String, Value>>>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    more: Option<String>,
}

/// Fetches the collection at `path` as `{"apiVersion", "kind": "<Kind>List", "metadata": {},
/// "items"}`.
pub(super) async fn fetch(
    client: &Client,
    path: &str,
    list: &ListAll,
) -> Result<Vec<u8>, KubernetesFailure> {
    let mask = FieldMask::new(list.field_masks.iter().flatten());
    let mut bytes = head(list)?;
    let mut parameters = ListParams {
        label_selector: list.label_selector.clone(),
        field_selector: list.field_selector.clone(),
        limit: Some(PAGE_ITEMS),
        ..ListParams::default()
    };
    let mut first = true;
    loop {
        let request = Request::new(path)
            .list(&parameters)
            .map_err(KubernetesFailure::Request)?;
        let page: Page = client.request(request).await?;
        for item in page.items.into_iter().flatten() {
            if !std::mem::take(&mut first) {
                bytes.push(b',');
            }
            serde_json::to_writer(&mut bytes, &prepare(item, list, &mask))?;
            if bytes.len() > MAX_LIST_BYTES {
                return Err(KubernetesFailure::TooLarge(MAX_LIST_BYTES));
            }
        }
        match page.metadata.more {
            Some(more) if !more.is_empty() => parameters.continue_token = Some(more),
            _ => break,
        }
    }
    bytes.extend_from_slice(b"]}");
    Ok(bytes)
}

fn head(list: &ListAll) -> Result<Vec<u8>, KubernetesFailure> {
    let api_version = serde_json::to_string(&list.api_version)?;
    let kind = serde_json::to_string(&format!("{}List", list.kind))?;
    let head = format!(r#"{{"apiVersion":{api_version},"kind":{kind},"metadata":{{}},"items":["#);
    Ok(head.into_bytes())
}

/// Prepares an item for guests. API servers omit `apiVersion` and `kind` in items; they are
/// restored.
fn prepare(mut item: Map<String, Value>, list: &ListAll, mask: &FieldMask) -> Value {
    strip_bookkeeping(&mut item);
    item.entry("apiVersion")
        .or_insert_with(|| list.api_version.clone().into());
    item.entry("kind")
        .or_insert_with(|| list.kind.clone().into());
    let mut item = Value::Object(item);
    mask.apply(&mut item);
    item
}
