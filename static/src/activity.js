// The feed looks for news only while somebody can see it.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.id === "activity-news") event.preventDefault();
});
