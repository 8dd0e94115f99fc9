// Formats of strings that JSON schemas name, each as a regular expression all of whose texts are of that format.

const date = '\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))';
const time = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?';
const byte = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const path = "(?:/[a-zA-Z0-9._~-]*){0,20}";

export const formats: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date}T${time}`,
  duration: 'P(?:\\d{1,4}D(?:T\\d{1,4}[HMS])?|T(?:\\d{1,4}H(?:\\d{1,4}M(?:\\d{1,4}S)?)?|\\d{1,4}M(?:\\d{1,4}S)?|\\d{1,4}S)|\\d{1,4}W)',
  uuid: '[\\da-f]{8}-[\\da-f]{4}-[1-5][\\da-f]{3}-[89ab][\\da-f]{3}-[\\da-f]{12}',
  hostname: `${label}(?:\\.${label}){0,5}`,
  email: `[a-zA-Z0-9_+-]{1,40}(?:\\.[a-zA-Z0-9_+-]{1,20}){0,1}@(?:${label}\\.){1,3}[a-zA-Z]{2,10}`,
  ipv4: `${byte}(?:\\.${byte}){3}`,
  ipv6: '(?:[\\da-f]{1,4}:){7}[\\da-f]{1,4}',
  uri: `https?://(?:${label}\\.){1,3}[a-zA-Z]{2,10}${path}`,
};
