//! Operations: requests to the API server, before a caller sends them.

use anyhow::Result;
use http::Request;
use serde_json::{Value, json};

use crate::objects::Resource;

/// A request to the API server.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The resource of the request.
    pub resource: Resource,
    action: Action,
    dry_run: bool,
}

#[derive(Debug, Clone)]
enum Action {
    List,
    Get(String),
    Create(Value),
    Replace { name: String, object: Value },
    Delete(String),
    Scale { name: String, replicas: u32 },
}

impl Operation {
    /// Creates `object`.
    #[must_use]
    pub fn create(object: Value) -> Self {
        Self::new(Resource::from_object(&object), Action::Create(object))
    }

    /// Replaces the object that has the name of `object`.
    #[must_use]
    pub fn replace(object: Value) -> Self {
        let name = name_of(&object).to_owned();
        Self::new(
            Resource::from_object(&object),
            Action::Replace { name, object },
        )
    }

    /// Lists `resource`, such as `configmaps`.
    #[must_use]
    pub fn list(resource: &str) -> Self {
        Self::new(Resource::named(resource), Action::List)
    }

    /// Reads an object.
    #[must_use]
    pub fn get(resource: &str, name: &str) -> Self {
        Self::new(Resource::named(resource), Action::Get(name.to_owned()))
    }

    /// Deletes an object.
    #[must_use]
    pub fn delete(resource: &str, name: &str) -> Self {
        Self::new(Resource::named(resource), Action::Delete(name.to_owned()))
    }

    /// Writes the subresource `scale` of a Deployment.
    #[must_use]
    pub fn scale(name: &str, replicas: u32) -> Self {
        Self::new(
            Resource::named("deployments"),
            Action::Scale {
                name: name.to_owned(),
                replicas,
            },
        )
    }

    /// Creates the simplest real request for an RBAC verb that changes nothing.
    ///
    /// # Panics
    /// Panics if the verb is not supported.
    #[must_use]
    pub fn harmless(verb: &str, resource: &str) -> Self {
        /// An allowed request to get or delete it returns 404.
        const MISSING: &str = "there-is-no-such-object";
        match verb {
            "list" => Self::list(resource),
            "get" => Self::get(resource, MISSING),
            "delete" => Self::delete(resource, MISSING),
            "create" => Self::create(Resource::named(resource).object(MISSING)).dry_run(),
            _ => panic!("add a harmless request for the verb `{verb}`"),
        }
    }

    /// Makes the request a dry run, which stores nothing.
    #[must_use]
    pub fn dry_run(self) -> Self {
        Self {
            dry_run: true,
            ..self
        }
    }

    /// Returns the RBAC verb and the name of the object.
    #[must_use]
    pub fn verb(&self) -> (&'static str, &str) {
        match &self.action {
            Action::List => ("list", ""),
            Action::Get(name) => ("get", name),
            Action::Create(object) => ("create", name_of(object)),
            Action::Replace { name, .. } => ("update", name),
            Action::Delete(name) => ("delete", name),
            Action::Scale { name, .. } => ("scale", name),
        }
    }

    /// Returns the HTTP request.
    ///
    /// # Errors
    /// If a name contains characters that are invalid in URLs.
    pub fn request(&self, namespace: &str) -> Result<Request<Vec<u8>>> {
        let collection = self.resource.path(namespace);
        let (method, path, body) = match &self.action {
            Action::List => ("GET", collection, None),
            Action::Get(name) => ("GET", format!("{collection}/{name}"), None),
            Action::Create(object) => ("POST", collection, Some(object.clone())),
            Action::Replace { name, object } => {
                ("PUT", format!("{collection}/{name}"), Some(object.clone()))
            }
            Action::Delete(name) => ("DELETE", format!("{collection}/{name}"), None),
            Action::Scale { name, replicas } => (
                "PUT",
                format!("{collection}/{name}/scale"),
                Some(scale(namespace, name, *replicas)),
            ),
        };
        let query = if self.dry_run { "?dryRun=All" } else { "" };
        let body = body
            .map(|body| body.to_string().into_bytes())
            .unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{path}{query}"));
        Ok(request
            .header("content-type", "application/json")
            .body(body)?)
    }

    fn new(resource: Resource, action: Action) -> Self {
        Self {
            resource,
            action,
            dry_run: false,
        }
    }
}

/// Converts an object to its creation.
impl From<Value> for Operation {
    fn from(object: Value) -> Self {
        Self::create(object)
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (verb, name) = self.verb();
        write!(f, "{verb} {}", self.resource.plural)?;
        if !name.is_empty() {
            write!(f, "/{name}")?;
        }
        if self.dry_run {
            f.write_str(" (dry run)")
        } else {
            Ok(())
        }
    }
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn scale(namespace: &str, name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "replicas": replicas },
    })
}
