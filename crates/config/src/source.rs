//! The files that a configuration is read from.

use std::path::PathBuf;

use access::Plane;

/// A part of the configuration: its format and its file.
#[derive(Debug, Clone)]
pub struct Source {
    /// The format of the file.
    pub format: Format,
    /// The path of the file. Errors name it, and relative paths in it are relative to its folder.
    pub path: PathBuf,
    /// The content, if the caller has it already; the file is not read then.
    pub text: Option<Vec<u8>>,
}

/// The format of a part of the configuration.
///
/// A file of the format [`Format::Configuration`] is also accepted where a list for one plane is
/// expected. Only the section of that plane and the section `engine` are used then, so that one
/// file can serve all flags of the original project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// One file for all planes, `kind: Configuration`.
    Configuration,
    /// The original project's list of authenticators, `modules:`.
    Authentication,
    /// The original project's list of authorizers, `modules:`.
    Authorization,
    /// An `AdmissionConfiguration` of kube-apiserver with the plugin `WASM`.
    Admission,
    /// The configuration of that plugin alone: a list of admission policies, `modules:`.
    AdmissionPlugin,
    /// The `policies.yml` of Kubewarden's policy-server.
    Policies {
        /// The directory in which `kwctl pull` stores modules, to find modules named by a URI.
        store: Option<PathBuf>,
    },
}

/// A section of the configuration. The name of a policy is unique within its section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// The section `authentication`.
    Authentication,
    /// The section `authorization`.
    Authorization,
    /// The section `admission`, for mutation and validation.
    Admission,
}

impl Source {
    /// Creates a source that is read from the file at `path`.
    #[must_use]
    pub fn file(format: Format, path: impl Into<PathBuf>) -> Self {
        Self {
            format,
            path: path.into(),
            text: None,
        }
    }

    /// Creates a source with the content `text`, as if it were in the file at `path`.
    #[must_use]
    pub fn text(format: Format, path: impl Into<PathBuf>, text: Vec<u8>) -> Self {
        Self {
            format,
            path: path.into(),
            text: Some(text),
        }
    }
}

impl Section {
    /// Returns the name of the section, as files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Admission => "admission",
        }
    }
}

impl From<Plane> for Section {
    fn from(plane: Plane) -> Self {
        match plane {
            Plane::Authentication => Self::Authentication,
            Plane::Authorization => Self::Authorization,
            Plane::Mutation | Plane::Validation => Self::Admission,
        }
    }
}
