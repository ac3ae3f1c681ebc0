-- depends: 0027_account_erasure
-- An endpoint may be disabled because whoever made it had not confirmed their address.
set local role crm_owner;

alter table public.webhook_endpoints
    drop constraint webhook_endpoints_disabled_reason_check,
    add constraint webhook_endpoints_disabled_reason_check
        check (disabled_reason in ('gone', 'failing', 'unconfirmed')) not valid;
alter table public.webhook_endpoints validate constraint webhook_endpoints_disabled_reason_check;
