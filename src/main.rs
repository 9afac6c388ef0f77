fn main(){ println!("{}", serde_json::to_string_pretty(&schemars::schema_for!(bn_exp::config::file::ConfigFile)).unwrap()); }
