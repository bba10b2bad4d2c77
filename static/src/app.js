// What every page needs beyond HTML: Bootstrap's behaviour, taken piece by piece so that the bundle stays small.
import "bootstrap/js/dist/alert";
import "bootstrap/js/dist/collapse";
import "bootstrap/js/dist/offcanvas";
import "./activity.js";
import "./copy.js";
import "./csrf.js";
import "./log.js";
import "./menu.js";
import "./passkey.js";
import "./time-zone.js";
import "./toasts.js";
import "./try.js";
