// Set-up suggests the time zone of the browser, where the server knows it.

const select = document.querySelector("form[data-ask-time-zone] select[name=time_zone]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (select && [...select.options].some((option) => option.value === zone)) select.value = zone;
