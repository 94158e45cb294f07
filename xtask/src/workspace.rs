//! What cargo knows about this workspace, loaded once a run.

use crate::process::Outcome;
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand, Package};
use std::path::{Path, PathBuf};

/// The workspace, resolved with all features.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Packages and the resolved graph, all features on.
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Outcome<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let metadata = MetadataCommand::new()
            .manifest_path(&manifest)
            .features(CargoOpt::AllFeatures)
            .exec()
            .map_err(|error| format!("cargo can't describe the workspace: {error}"))?;
        Ok(Self {
            root: metadata.workspace_root.clone().into_std_path_buf(),
            target: metadata.target_directory.clone().into_std_path_buf(),
            metadata,
        })
    }

    /// The packages under `crates/`, in the order of their names.
    pub(crate) fn crates(&self) -> Vec<&Package> {
        let home = self.metadata.workspace_root.join("crates");
        let mut packages = self.metadata.workspace_packages();
        packages.retain(|package| package.manifest_path.starts_with(&home));
        packages.sort_by(|left, right| left.name.cmp(&right.name));
        packages
    }
}
