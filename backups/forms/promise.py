from django import forms


class ClosingForm(forms.Form):
    """What a person says who has put things right by hand."""

    note = forms.CharField(max_length=1000, error_messages={"required": "Say in a few words what you did."})
