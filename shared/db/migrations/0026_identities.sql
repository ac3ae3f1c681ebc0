-- depends: 0025_contact_erasure
-- A person lets an account at Google get them in no more; and is told when one does.
set local role crm_owner;

grant delete on public.external_identities to crm_auth;
alter table public.account_mails
    drop constraint account_mails_purpose_check,
    add constraint account_mails_purpose_check check (purpose in ('verify_email', 'reset_password',
        'password_reset', 'password_changed', 'factor_added', 'factor_removed',
        'recovery_codes_made', 'recovery_code_used', 'google_linked'));
