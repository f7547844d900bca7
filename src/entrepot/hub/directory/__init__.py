"""Accounts of a directory: LDAP and Active Directory."""
