//! The flags and files of the kube-apiserver with the engine inside.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use crate::directory::Directory;
use crate::kubernetes::Launch;
use crate::programs::Programs;
use crate::webhook::KUBECONFIG;

/// Writes the files and returns the command line. One configuration serves all planes.
///
/// # Errors
/// If the kube-apiserver does not exist, or a file cannot be written.
pub(crate) fn launch(
    programs: &Programs,
    directory: &Directory,
    configuration: &Path,
    cache_ttl: Option<&str>,
) -> Result<Launch> {
    let admission = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": "WASM", "path": configuration}],
    });
    let admission = directory.write("manifests/admission.yaml", admission.to_string())?;
    let (admission, configuration) = (admission.display(), configuration.display());
    let mut flags = vec![
        format!("--authentication-wasm-config-file={configuration}"),
        format!("--authorization-wasm-config-file={configuration}"),
        "--authorization-mode=Node,WASM,RBAC".to_owned(),
        format!("--admission-control-config-file={admission}"),
        "--enable-admission-plugins=WASM".to_owned(),
        "--wasm-code-cache-dir=code".to_owned(),
        // Written after the API server has started; read at the first query of a policy.
        format!("--wasm-kubeconfig={KUBECONFIG}"),
    ];
    flags.extend(cache_ttl.map(|ttl| format!("--authentication-wasm-cache-ttl={ttl}")));
    Ok(Launch {
        program: programs.composed_apiserver()?,
        flags,
    })
}
