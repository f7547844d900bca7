"""Who somebody is: passwords, sessions, tokens, second factors, single sign-on."""
