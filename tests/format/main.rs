//! What needs neither root nor a machine nor the network: formats, control data, rendered files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test ends in a panic when something is not as it should be"
)]

mod app_files;
mod await_app;
mod behind_a_balancer;
mod boundary;
mod control_data;
mod deb_format;
mod deb_refusals;
mod doc_comments;
mod documents;
mod ext4_image;
mod file_order;
mod further_files;
mod generated;
mod generated_packages;
mod generated_relations;
mod generated_versions;
mod gunicorn_settings;
mod gzip_image;
mod health_alert;
mod hostile_places;
mod hostile_text;
mod machine_code;
mod module_order;
mod nginx_site;
mod python_target;
mod rendered_files;
mod rendered_samples;
mod rendered_units;
mod static_files;
mod template_folders;
mod type_names;
mod upload_files;
mod websocket;
